"""The table of certificates that a host hands to an SEV-SNP guest (AMD GHCB specification, SNP Extended Guest Request).

Entries of 24 bytes, GUID ‖ u32 offset ‖ u32 length, little-endian, end with a GUID of zeros; offsets count from the
table's first byte. Untrusted, and often empty.
"""

from uuid import UUID

_KINDS = {
    UUID("63da758d-e664-4564-adc5-f4b93be8accd"): "vcek",
    UUID("a8074bc2-a25a-483e-aae6-39c045a0b8a1"): "vlek",
    UUID("4ab7b379-bbac-4fe4-a02f-05aef327c782"): "intermediate",
    UUID("c0b406a4-a803-4952-9743-3fb6014cd0ae"): "root",
    UUID("92f81bc3-5811-4d3d-97ff-d19f88dc67ea"): "revocation_list",
}
#: hosts write a GUID in either order of bytes
_NAMES = {order: kind for guid, kind in _KINDS.items() for order in (guid.bytes, guid.bytes_le)}
_ENTRY = 24
_MOST_ENTRIES = 32


def read_table(table: bytes) -> dict[str, bytes]:
    """Return what is known of a table: kind -> DER; raise ValueError for one that points outside of itself."""
    found: dict[str, bytes] = {}
    for number in range(_MOST_ENTRIES):
        entry = table[number * _ENTRY : (number + 1) * _ENTRY]
        if len(entry) < _ENTRY or not any(entry[:16]):
            return found
        offset, length = (int.from_bytes(entry[at : at + 4], "little") for at in (16, 20))
        if offset + length > len(table):
            raise ValueError("a certificate of the host's table lies outside of it")
        if kind := _NAMES.get(entry[:16]):
            found[kind] = table[offset : offset + length]
    raise ValueError("the host's table of certificates does not end")

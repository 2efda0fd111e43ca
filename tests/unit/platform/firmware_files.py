"""Small firmware files with the tables that OVMF and TDVF have, made here from their published form."""

import struct
from uuid import UUID

FOOTER = UUID("96b582de-1fb2-45f7-baea-a366c55a082d")
TDX_METADATA = UUID("e47a6535-984a-4798-865e-4685a7bf8ec2")
SEV_METADATA = UUID("dc886566-984a-4798-a75e-5585a7bf67cc")
SEV_RESET = UUID("00f771de-1a7e-4fcb-890e-68c77e2fb44e")
SEV_HASHES = UUID("7255371f-3a3b-4b04-927b-1da6efa8d454")
SIZE = 64 << 10
CODE = bytes(range(256)) * 16  #: what BFV holds


def tdvf(sections=None, *, magic=b"TDVF", version=1):
    """A firmware for TDX guests; a section is (offset, raw size, address, size, attributes)."""
    listed = sections or [
        (0x1000, 0x1000, 0xFFFF1000, 0x1000, 1),
        (0, 0x1000, 0xFFFF0000, 0x1000, 0),
        (0, 0, 0x809000, 0x2000, 0),
    ]
    body = struct.pack("<4sIII", magic, 16 + 32 * len(listed), version, len(listed))
    for offset, raw, address, size, attributes in listed:
        body += struct.pack("<IIQQII", offset, raw, address, size, 0, attributes)
    return _file({0x1000: CODE, 0x8000: body}, {TDX_METADATA: (SIZE - 0x8000).to_bytes(4, "little")})


def ovmf(*, hashes=True):
    """A firmware for SEV-SNP guests that are booted directly."""
    described = [(0x800000, 0x1000, 1), (0x801000, 0x1000, 2), (0x802000, 0x1000, 3)]
    if hashes:
        described.append((0x803000, 0x1000, 0x10))
    body = struct.pack("<4sIII", b"ASEV", 16 + 12 * len(described), 1, len(described))
    body += b"".join(struct.pack("<III", *each) for each in described)
    tables = {
        SEV_METADATA: (SIZE - 0x8000).to_bytes(4, "little"),
        SEV_RESET: (0x80B004).to_bytes(4, "little"),
        SEV_HASHES: struct.pack("<II", 0x803C00, 0x400),
    }
    return _file({0x1000: CODE, 0x8000: body}, tables)


def _file(parts, tables):
    raw = bytearray(SIZE)
    for offset, content in parts.items():
        raw[offset : offset + len(content)] = content
    table = b"".join(data + struct.pack("<H", len(data) + 18) + guid.bytes_le for guid, data in tables.items())
    table += struct.pack("<H", len(table) + 18) + FOOTER.bytes_le
    raw[SIZE - 32 - len(table) : SIZE - 32] = table
    return bytes(raw)

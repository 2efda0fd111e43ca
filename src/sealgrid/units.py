"""The quantities and names that every part shares, as distinct types.

Every 20- or 32-byte value travels as lower-case ``0x`` hex text; it becomes bytes only where it is hashed or signed.
"""

from typing import NewType

Address = NewType("Address", str)  #: an account or contract, "0x" and 40 lower-case hex digits
Digest = NewType("Digest", str)  #: 32 bytes, "0x" and 64 lower-case hex digits
TaskId = NewType("TaskId", str)  #: keccak256(deal, index), in a Digest's form
DealId = NewType("DealId", str)  #: keccak256(request hash, volume consumed before), in a Digest's form
Nrlc = NewType("Nrlc", int)  #: an amount of the settlement token, 10^-9 RLC
Seconds = NewType("Seconds", int)  #: a Unix time or a duration, as the name beside it says

ZERO_ADDRESS = Address("0x" + "00" * 20)
ZERO_DIGEST = Digest("0x" + "00" * 32)


def to_bytes(value: str, size: int) -> bytes:
    """Return the bytes of ``0x`` hex text that must hold exactly ``size`` bytes; raise ValueError otherwise."""
    if len(value) != 2 + 2 * size or not value.startswith("0x"):
        raise ValueError(f"expected 0x and {2 * size} hex digits, got {value[:80]!r}")
    return bytes.fromhex(value[2:])


def to_address(value: bytes | str) -> Address:
    """Return the canonical text of an address given as 20 bytes or in any letter case; raise ValueError otherwise."""
    raw = value if isinstance(value, bytes) else to_bytes(value, 20)
    if len(raw) != 20:
        raise ValueError(f"an address has 20 bytes, not {len(raw)}")
    return Address("0x" + raw.hex())


def to_digest(value: bytes | str) -> Digest:
    """Return the canonical text of 32 bytes; raise ValueError for any other length."""
    raw = value if isinstance(value, bytes) else to_bytes(value, 32)
    if len(raw) != 32:
        raise ValueError(f"a digest has 32 bytes, not {len(raw)}")
    return Digest("0x" + raw.hex())

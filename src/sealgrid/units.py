"""Distinct types of the quantities and identifiers that all rooms share.

20- and 32-byte values are lower-case ``0x`` hex text; they become bytes only to be hashed or signed.
"""

from typing import NewType

Address = NewType("Address", str)  #: account or contract, "0x" and 40 lower-case hex digits
Digest = NewType("Digest", str)  #: 32 bytes, "0x" and 64 lower-case hex digits
TaskId = NewType("TaskId", str)  #: keccak256(deal, index), in the form of a Digest
DealId = NewType("DealId", str)  #: keccak256(request hash, volume consumed before), in the form of a Digest
Nrlc = NewType("Nrlc", int)  #: amount of the settlement token, 10^-9 RLC
Seconds = NewType("Seconds", int)  #: Unix time or duration, by the name of the field

ZERO_ADDRESS = Address("0x" + "00" * 20)
ZERO_DIGEST = Digest("0x" + "00" * 32)
NRLC_PER_RLC = 10**9


def to_bytes(value: str, size: int) -> bytes:
    """Return the bytes of ``0x`` hex text; raise ValueError unless it has exactly ``size`` bytes."""
    if len(value) != 2 + 2 * size or not value.startswith("0x"):
        raise ValueError(f"expected 0x and {2 * size} hex digits, got {value[:80]!r}")
    return bytes.fromhex(value[2:])


def to_address(value: bytes | str) -> Address:
    """Return the lower-case text of 20 bytes or of hex text in any letter case; raise ValueError otherwise."""
    raw = value if isinstance(value, bytes) else to_bytes(value, 20)
    if len(raw) != 20:
        raise ValueError(f"an address has 20 bytes, not {len(raw)}")
    return Address("0x" + raw.hex())


def to_digest(value: bytes | str) -> Digest:
    """Return the lower-case text of 32 bytes; raise ValueError for another length."""
    raw = value if isinstance(value, bytes) else to_bytes(value, 32)
    if len(raw) != 32:
        raise ValueError(f"a digest has 32 bytes, not {len(raw)}")
    return Digest("0x" + raw.hex())


def rlc_number(nrlc: int) -> str:
    """Return an amount in RLC as a decimal number, without zeros at its end."""
    whole, rest = divmod(abs(nrlc), NRLC_PER_RLC)
    return f"{'-' if nrlc < 0 else ''}{whole}.{rest:09d}".rstrip("0").rstrip(".")

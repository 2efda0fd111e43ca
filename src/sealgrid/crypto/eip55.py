"""Addresses in mixed case, whose letters hold a checksum (EIP-55)."""

from functools import lru_cache

from sealgrid.crypto.digests import keccak256
from sealgrid.units import Address


@lru_cache(maxsize=1 << 16)
def checksum_address(address: Address) -> str:
    """Return an address in mixed case."""
    digits = address[2:]
    mask = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= 8 else digit for digit, nibble in zip(digits, mask, strict=False)
    )

"""Reads addresses that people write; a checksum in their letter case (EIP-55) finds mistyped characters."""

import re

from sealgrid.crypto.eip55 import checksum_address
from sealgrid.errors import InputRefused
from sealgrid.units import Address, to_address

_ADDRESS = re.compile(r"0[xX]([0-9a-fA-F]{40})")


def is_address(text: str) -> bool:
    """Return whether a text has the form of an address, in any letter case; its checksum is not compared."""
    return _ADDRESS.fullmatch(text) is not None


def parse_address(text: str) -> Address:
    """Return an address that a person wrote, in lower, upper or mixed case; raise ValueError for any other text.

    Raises InputRefused for mixed case that is not the address's checksum.
    """
    if (match := _ADDRESS.fullmatch(text)) is None:
        raise ValueError("an address is 0x and 40 hex digits")
    digits = match[1]
    address = to_address(f"0x{digits.lower()}")
    if digits not in {digits.lower(), digits.upper()} and checksum_address(address) != f"0x{digits}":
        raise InputRefused(
            f"{text} is not a valid address: its upper and lower case letters (EIP-55) do not fit; it was mistyped. "
            "Copy it again."
        )
    return address

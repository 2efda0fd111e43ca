"""Which jobs a worker takes, on the command line: sizes of memory, and lists of addresses."""

import re
from collections.abc import Sequence
from typing import Final

from sealgrid.errors import InputRefused
from sealgrid.sdk.addresses import parse_address
from sealgrid.units import Address
from sealgrid.wire.pool import MAX_LISTED

_SIZE: Final = re.compile("([1-9][0-9]{0,5})([MGT])")
_BYTES: Final = {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_size(text: str | None) -> int:
    """Return a size in bytes, 0 for None; raise InputRefused for any other text."""
    if text is None:
        return 0
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InputRefused(f"{text[:40]!r} is not a size of memory; write it as 512M or 8G.", money="")
    return int(found[1]) * _BYTES[found[2]]


def parse_addresses(texts: Sequence[str] | None, option: str) -> tuple[Address, ...]:
    """Return addresses; raise InputRefused for an invalid one, or for too many."""
    if len(texts or ()) > MAX_LISTED:
        raise InputRefused(f"{option} can be given {MAX_LISTED} times at most.", money="")
    try:
        return tuple(map(parse_address, texts or ()))
    except ValueError as error:
        raise InputRefused(f"{option} takes an address: {error}.", money="") from error

"""Amounts of the settlement token as text: "3", "0.5 RLC", "250 nRLC"."""

import re

from sealgrid.errors import InputRefused
from sealgrid.units import NRLC_PER_RLC, rlc_number

MAX_NRLC = 87_000_000 * NRLC_PER_RLC  #: the total supply

_PATTERN = re.compile(r"\s*([0-9]{1,20})(?:\.([0-9]{1,9}))?\s*(RLC|nRLC)?\s*", re.IGNORECASE)


class Amount(int):
    """An amount in nRLC (10^-9 RLC); its text is in RLC. On a local network these are test credits, worth nothing."""

    def __str__(self) -> str:
        return f"{rlc_number(self)} RLC"

    def __repr__(self) -> str:
        return f"Amount({int(self)})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec) if not spec or spec[-1] in "<>^s0123456789" else int.__format__(self, spec)


Price = str | Amount  #: "3" and "3 RLC" are RLC, "250 nRLC" is nRLC; a bare int is ambiguous and refused


def amount(text: Price) -> Amount:
    """Parse an amount; raise InputRefused for any other text and for a bare int."""
    if isinstance(text, Amount):
        return _checked(text, str(text))
    found = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if found is None or (_is_nrlc(found[3]) and found[2]):
        raise InputRefused(f'{text!r} is not a valid amount; write it as text: "3", "0.5 RLC" or "250 nRLC".')
    whole, rest = int(found[1]), int((found[2] or "").ljust(9, "0"))
    return _checked(Amount(whole if _is_nrlc(found[3]) else whole * NRLC_PER_RLC + rest), text)


def _is_nrlc(unit: str | None) -> bool:
    return unit is not None and unit.lower() == "nrlc"


def _checked(value: Amount, text: str) -> Amount:
    if not 0 <= value <= MAX_NRLC:
        raise InputRefused(f"{text} is not an amount between 0 and the total supply.")
    return value

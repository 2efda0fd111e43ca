"""Amounts of the settlement token as people write them: "3", "0.5 RLC", "250 nRLC"."""

import re

from sealgrid.errors import InputRefused

NRLC_PER_RLC = 10**9
MOST_NRLC = 87_000_000 * NRLC_PER_RLC  #: all the RLC that there will ever be

_WRITTEN = re.compile(r"\s*([0-9]{1,20})(?:\.([0-9]{1,9}))?\s*(RLC|nRLC)?\s*", re.IGNORECASE)


class Amount(int):
    """Some nRLC (10^-9 RLC); prints itself in RLC. On a local network these are test credits, worth nothing."""

    def __str__(self) -> str:
        whole, rest = divmod(abs(self), NRLC_PER_RLC)
        text = f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
        return f"{'-' if self < 0 else ''}{text} RLC"

    def __repr__(self) -> str:
        return f"Amount({int(self)})"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec) if not spec or spec[-1] in "<>^s0123456789" else int.__format__(self, spec)


Price = str | Amount  #: "3" and "3 RLC" are RLC, "250 nRLC" is nRLC; a bare int is refused, it could mean either


def amount(written: Price) -> Amount:
    """Read an amount; raise InputRefused for anything that is not exactly one, a bare int included."""
    if isinstance(written, Amount):
        return _checked(written, str(written))
    found = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if found is None or (_is_nrlc(found[3]) and found[2]):
        raise InputRefused(f'{written!r} is no amount; write it as text: "3", "0.5 RLC" or "250 nRLC".')
    whole, rest = int(found[1]), int((found[2] or "").ljust(9, "0"))
    return _checked(Amount(whole if _is_nrlc(found[3]) else whole * NRLC_PER_RLC + rest), written)


def _is_nrlc(unit: str | None) -> bool:
    return unit is not None and unit.lower() == "nrlc"


def _checked(value: Amount, written: str) -> Amount:
    if not 0 <= value <= MOST_NRLC:
        raise InputRefused(f"{written} is no amount between 0 and all RLC that there is.")
    return value

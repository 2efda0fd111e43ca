"""Reads one cell as a date, with or without a time of day: ISO 8601, local orders, names of months.

``03/04/2026`` is in April or in March; one cell cannot say which, so that a spelling has both days.
"""

import datetime as dt
import re
from functools import lru_cache
from typing import NamedTuple

MAX_LENGTH = 45  #: characters; longer cells are texts
_CENTURY = 69  #: two digits of a year from here on are of the 20th century (POSIX)
_FIRST_YEAR, _LAST_YEAR = 1500, 2500

_TIME = (
    r"(?:(?:T|t|,? +|:)[0-2]?\d[:.h][0-5]\d(?:[:.][0-6]\d(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?"
    r" ?(?:[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?|[A-Z]{2,4}|\[[\w/]+\]|[A-Z][a-z]+/\w+|Uhr)*)?"
)
_DAY_NAME = r"(?:[^\W\d_]{2,10}\.?,? +)?"
_BIG_FIRST = re.compile(rf"(\d{{4}})([-/. ]|\. )(\d{{1,2}})\2(\d{{1,2}})\.?{_TIME}")
_SMALL_FIRST = re.compile(rf"{_DAY_NAME}(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}|\d{{2}})\.?{_TIME}")
_DAY_NAMED_MONTH = re.compile(
    rf"{_DAY_NAME}(\d{{1,2}})(?:st|nd|rd|th|er|\.)?(?: de)?[ /-]?"
    rf"([^\W\d_]{{3,10}})\.?(?: de)?[ ,/-]*(\d{{4}}|\d{{2}}){_TIME}"
)
_NAMED_MONTH_DAY = re.compile(rf"{_DAY_NAME}([^\W\d_]{{3,10}})\.? (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}}){_TIME}")
_CTIME = re.compile(r"[^\W\d_]{3} ([^\W\d_]{3}) +(\d{1,2}) \d\d:\d\d:\d\d(?: [A-Z]{3,4})? (\d{4})(?: [+-]\d{4})?")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_NAMED_MONTH = re.compile(r"([^\W\d_]{3,10})\.?[ -](\d{4}|\d{2})")
_EAST_ASIAN = re.compile(rf"(\d{{4}})[年년] ?(\d{{1,2}})[月월] ?(\d{{1,2}})[日일]{_TIME}")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(T?)(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?)?")

#: January to December in English, German, French, Spanish, Italian, Portuguese, Dutch, Polish; by the first letters
_MONTHS = (
    "jan jän ene gen sty",
    "feb fév fev lut",
    "mar mär mrz maa mrt",
    "apr avr abr kwi",
    "may mai mag mei maj",
    "jun jui giu cze",
    "jul lug lip",
    "aug aoû aou ago sie",
    "sep set wrz",
    "oct okt ott out paź",
    "nov lis",
    "dec dez déc dic gru",
)
_MONTH_OF = {start: number for number, starts in enumerate(_MONTHS, start=1) for start in starts.split()}


class ParsedDate(NamedTuple):
    """One cell as a day; days are proleptic Gregorian ordinals."""

    day_first: int | None  #: its day where the day stands before the month; None if it has none there
    month_first: int | None
    compact: bool = False  #: digits alone, which may also be a number


@lru_cache(maxsize=1 << 16)
def read_date(cell: str) -> ParsedDate | None:
    """Return a cell as a date; None for any other text."""
    if not 6 <= len(cell) <= MAX_LENGTH or not (cell[-1].isalnum() or cell[-1] in ".])"):
        return None
    if found := _COMPACT.fullmatch(cell):
        return _one(found[1], found[2], found[3], compact=cell.isdigit())
    if found := _BIG_FIRST.fullmatch(cell):
        return _one(found[1], found[3], found[4])
    if found := _SMALL_FIRST.fullmatch(cell):
        first, mark, second, year = found.groups()
        spelling = ParsedDate(_ordinal(year, second, first), None if mark == "." else _ordinal(year, first, second))
        return spelling if spelling[:2] != (None, None) else None
    return _with_named_month(cell)


def _with_named_month(cell: str) -> ParsedDate | None:
    if found := _DAY_NAMED_MONTH.fullmatch(cell):
        return _one(found[3], _month_number(found[2]), found[1])
    if found := _NAMED_MONTH_DAY.fullmatch(cell) or _CTIME.fullmatch(cell):
        return _one(found[3], _month_number(found[1]), found[2])
    if found := _MONTH.fullmatch(cell):
        return _one(found[1], found[2], "1")
    if found := _NAMED_MONTH.fullmatch(cell):
        return _one(found[2], _month_number(found[1]), "1")
    if found := _EAST_ASIAN.fullmatch(cell):
        return _one(found[1], found[2], found[3])
    return None


def _month_number(name: str) -> str:
    start = name.casefold()
    if start.startswith("juil"):
        return "7"
    return str(_MONTH_OF.get(start[:3], 0))


def _one(year: str, month: str, day: str, *, compact: bool = False) -> ParsedDate | None:
    ordinal = _ordinal(year, month, day)
    return None if ordinal is None else ParsedDate(ordinal, ordinal, compact)


def _ordinal(year: str, month: str, day: str) -> int | None:
    number = int(year)
    if len(year) == 2:
        number += 1900 if number >= _CENTURY else 2000
    if not _FIRST_YEAR <= number <= _LAST_YEAR:
        return None
    try:
        return dt.date(number, int(month), int(day)).toordinal()
    except ValueError:
        return None

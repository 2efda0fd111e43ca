"""Reads one cell as a date, with or without a time of day: ISO 8601, local orders, names of months.

``03/04/2026`` is in April or in March; one cell cannot say which, so that a spelling has both days.
"""

import datetime as dt
import re
from functools import lru_cache
from typing import NamedTuple

from .month_names import month_number

MAX_LENGTH = 45  #: characters; longer cells are texts
_CENTURY = 69  #: two digits of a year from here on are of the 20th century (POSIX)
_FIRST_YEAR, _LAST_YEAR = 1500, 2500

_TIME = (
    r"(?: ?\([^\W\d_]{1,3}\.?\))?"  # the day's name, as in Japan
    r"(?:(?:T|t|,? +|:|,? (?:at|kl\.?|um|à|alle) )[0-2]?\d[:.h][0-5]\d(?:[:.][0-6]\d(?:[.,]\d+)?)?"
    r"(?: ?[AaPp]\.?[Mm]\.?)?(?: ?(?:[Zz]|[+-]\d\d(?::?\d\d)?|[A-Z]{2,4}|\[[\w/]+\]|[A-Z][a-z]+/\w+|Uhr)){0,3})?"
)
_DAY_NAME = r"(?:[^\W\d_]{2,10}\.?,? +)?"
_BIG_FIRST = re.compile(rf"(\d{{4}})([-/. ]|\. )(\d{{1,2}})\2(\d{{1,2}})\.?{_TIME}")
_SMALL_FIRST = re.compile(rf"{_DAY_NAME}(\d{{1,2}})([-/.]|\. )(\d{{1,2}})\2(\d{{4}}|\d{{2}})\.?{_TIME}")
_SPACED = re.compile(rf"(\d{{1,2}})( )(\d{{1,2}}) (\d{{4}}){_TIME}")
_DAY_NAMED_MONTH = re.compile(
    rf"{_DAY_NAME}(\d{{1,2}})(?:st|nd|rd|th|er|\.)?(?: de(?= ))?[ /-]?"
    rf"([^\W\d_]{{3,12}})\.?(?: de)?[ ,/-]*(\d{{4}}|\d{{2}}){_TIME}"
)
_NAMED_MONTH_DAY = re.compile(
    rf"{_DAY_NAME}([^\W\d_]{{3,12}})\.?[ /-](\d{{1,2}})(?:st|nd|rd|th)?(?:,? |[/-])(\d{{4}}){_TIME}"
)
_YEAR_NAMED_MONTH = re.compile(rf"(\d{{4}})([ -])([^\W\d_]{{3,12}})\.?\2(\d{{1,2}}){_TIME}")
_CTIME = re.compile(r"[^\W\d_]{3} ([^\W\d_]{3}) +(\d{1,2}) \d\d:\d\d:\d\d(?: [A-Z]{3,4})? (\d{4})(?: [+-]\d{4})?")
_MONTH = re.compile(r"(\d{4})(?:-|-?M)(0[1-9]|1[0-2])")  # 2026M04 is of statistical offices
_MONTH_FIRST = re.compile(r"(0?[1-9]|1[0-2])/(\d{4})")
_NAMED_MONTH = re.compile(r"([^\W\d_]{3,12})\.?[ -](\d{4}|\d{2})")
_EAST_ASIAN = re.compile(rf"(\d{{4}})[年년] ?(\d{{1,2}})[月월] ?(\d{{1,2}})[日일]{_TIME}")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(T?)(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?)?")

#: with the groups of year, month and day; 0 for the first day of a month
_NAMED = (
    (_DAY_NAMED_MONTH, (3, 2, 1)),
    (_NAMED_MONTH_DAY, (3, 1, 2)),
    (_CTIME, (3, 1, 2)),
    (_YEAR_NAMED_MONTH, (1, 3, 4)),
    (_MONTH, (1, 2, 0)),
    (_MONTH_FIRST, (2, 1, 0)),
    (_NAMED_MONTH, (2, 1, 0)),
    (_EAST_ASIAN, (1, 2, 3)),
)


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
    if found := _SMALL_FIRST.fullmatch(cell) or _SPACED.fullmatch(cell):
        first, mark, second, year = found.groups()
        spelling = ParsedDate(
            _ordinal(year, second, first), None if mark in {".", ". "} else _ordinal(year, first, second)
        )
        return spelling if spelling[:2] != (None, None) else None
    return _with_named_month(cell)


def _with_named_month(cell: str) -> ParsedDate | None:
    for pattern, (year, month, day) in _NAMED:
        if found := pattern.fullmatch(cell):
            name = found[month]
            number = name if name.isdecimal() else str(month_number(name))
            return _one(found[year], number, found[day] if day else "1")
    return None


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

"""Decides from all cells of a column whether it has numbers, dates or texts, and in which spelling.

A column has the kind that nine in ten of its cells have; the others are left out, and a note counts them. A few
different texts among many different numbers or dates are codes for a missing value, and are left out alike. Whether a
comma or a point separates decimals, and whether the day or the month is first, is what fits the most cells; where both
fit all of them, the table's other columns decide, then the usual custom, and a note states it.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from .date_format import read_date
from .missing_values import is_missing, is_missing_among_values
from .notes import MIN_ROWS
from .number_format import ParsedNumber, Reread, is_year, read_number

MIN_SHARE = 0.9  #: of a column's cells that have its kind
_IDENTIFIER_SHARE = 0.01  #: of a column's numbers that only identifiers have, as 0123
_PHONE_SHARE = 0.5
_MANY = 0.5  #: of a column of texts, cells that are nearly numbers, for a note
MAX_CODES = 3  #: different texts among numbers or dates that may be codes for a missing value, as "suppressed"
_MIN_DIFFERENT = 20  #: different numbers or dates that a column with codes has; categories have fewer
_MARKS = "~≈<>≤≥±\"'“”„«»‘’"  #: before a number that is no plain one
_MIN_BEGAN = 0.9  #: of a column of texts, cells that begin with a number, for a note
_LONG_DECIMALS = 5  #: so many numbers with three decimals each, besides whole ones, are rather thousands
_IDENTIFIER_WORDS = frozenset(
    "id ids uuid guid phone telephone telefon telefono telefone téléphone tel mobile handy fax zip zipcode postcode "  # noqa: SIM905
    "postal plz postleitzahl cep ssn siren siret nif isbn issn ean gtin upc iban bic sku imei msisdn".split()
)
_COMPACT_LENGTHS = frozenset({8, 14})  #: of dates of digits alone, without and with a time of day
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+")

_MIXED = "decimal points and decimal commas are mixed: the cells are described as texts; write one of them"
_AMBIGUOUS_DATES = (
    "dates as 03/04/2026, whose day and month cannot be told apart, are described as texts; write 2026-04-03"
)

Kind = Literal["number", "date", "text"]


@dataclass
class Evidence:
    """Counts of the cells of one column, over the whole table."""

    name: str
    filled: int = 0  #: cells that are neither empty nor always missing
    doubtful: int = 0  #: of these, missing if the column has numbers or dates
    point: int = 0  #: numbers where a point separates decimals
    comma: int = 0
    both_comma: int = 0  #: of digits and commas, with two values
    both_point: int = 0  #: of digits and points, with two values
    big_bare: int = 0  #: of digits alone, 1000 or more
    small_bare: int = 0  #: of digits alone, below 1000
    years: int = 0  #: of digits alone, 1500 to 2500
    units: Counter[str] = field(default_factory=Counter)
    identifiers: int = 0  #: with a 0 in front, or more digits than a number can have
    phones: int = 0  #: with a plus and eight digits or more
    day_first: int = 0  #: dates where the day is before the month
    month_first: int = 0
    both_days: int = 0  #: dates with two values
    dates: int = 0  #: in any order
    compact: int = 0  #: dates of digits alone
    began: int = 0  #: texts that begin with a digit, or with a mark before one
    different: set[str] = field(default_factory=set)  #: numbers and dates as written, no more than needed
    codes: Counter[str] = field(default_factory=Counter)  #: other texts, no more different ones than needed
    named: int = 0  #: texts that are the column's name
    counted: bool = True  #: whether the cells are 0, 1, 2 … or 1, 2, 3 …
    _next: int | None = None

    def add(self, cell: str) -> None:
        """Count one cell, stripped."""
        if is_missing(cell):
            self.counted = False
            return
        self.filled += 1
        number = read_number(cell)
        self._follow(cell)
        if number is not None:
            self._differ(cell)
            self._add_number(number)
            if number.reread & Reread.BARE and len(cell) in _COMPACT_LENGTHS and read_date(cell):
                self.compact += 1
            return
        if is_missing_among_values(cell):
            self.doubtful += 1
            return
        date = read_date(cell)
        if date is None:
            self.named += cell == self.name
            self.began += cell.lstrip(_MARKS)[:1].isdigit()
            if cell in self.codes or len(self.codes) <= MAX_CODES:
                self.codes[cell] += 1
            return
        self._differ(cell)
        self.dates += 1
        self.day_first += date.day_first is not None
        self.month_first += date.month_first is not None
        self.both_days += None not in date[:2] and date.day_first != date.month_first

    def _differ(self, cell: str) -> None:
        if len(self.different) < _MIN_DIFFERENT:
            self.different.add(cell)

    def _follow(self, cell: str) -> None:
        if self.counted:
            expected = self._next
            self.counted = cell == str(expected) if expected is not None else cell in {"0", "1"}
            self._next = int(cell) + 1 if self.counted else None

    def _add_number(self, number: ParsedNumber) -> None:
        point, comma, unit, reread = number
        self.units[unit] += 1
        self.point += point is not None
        self.comma += comma is not None
        if point is not None and comma is not None and point != comma:
            self.both_comma += abs(point) > abs(comma)
            self.both_point += abs(point) < abs(comma)
        if reread & Reread.BARE and point is not None:
            self.big_bare += point >= 1000
            self.small_bare += 0 < point < 1000
            self.years += is_year(point)
        self.identifiers += bool(reread & (Reread.PADDED | Reread.LONG))
        self.phones += bool(reread & Reread.PLUS)


@dataclass(frozen=True)
class Decision:
    """How the cells of one column are read."""

    kind: Kind
    comma: bool = False  #: of numbers: a comma separates decimals
    unit: str = ""  #: of numbers: a currency, "%" or "‰", or none
    month_first: bool = False  #: of dates
    compact: bool = False  #: of dates: digits alone are dates
    notes: tuple[str, ...] = ()  #: sentences about the column


def decide(columns: list[Evidence], delimiter: str) -> list[Decision]:
    """Return how each column of a table is read."""
    certain = Counter(each.comma > each.point for each in columns if each.comma != each.point and _enough(each))
    comma_elsewhere = next(iter(certain)) if len(certain) == 1 else None
    orders = Counter(
        each.month_first > each.day_first
        for each in columns
        if each.month_first != each.day_first
        and _values(each)
        and max(each.month_first, each.day_first) >= MIN_SHARE * _values(each)
    )
    month_elsewhere = next(iter(orders)) if len(orders) == 1 else None
    return [_decide(each, delimiter, comma_elsewhere, month_elsewhere) for each in columns]


def _values(column: Evidence) -> int:
    """Return how many cells have a value: no text of a few different ones among many numbers or dates has one."""
    values = column.filled - column.doubtful
    codes = column.codes.total()
    few = len(column.codes) <= MAX_CODES and len(column.different) >= _MIN_DIFFERENT and codes <= _MANY * values
    return values - codes if few else values


def _enough(column: Evidence) -> bool:
    values = _values(column)
    return values > 0 and max(column.point, column.comma) >= MIN_SHARE * values


def _decide(column: Evidence, delimiter: str, comma_elsewhere: bool | None, month_elsewhere: bool | None) -> Decision:
    values = _values(column)
    if not values:
        return Decision("text")
    if column.compact == values:
        return Decision("date", compact=True, notes=("digits without marks are read as year, month and day",))
    if max(column.day_first, column.month_first) >= MIN_SHARE * values:
        return _date_decision(column, month_elsewhere)
    if _enough(column):
        return _identifier_decision(column) or _number_decision(column, delimiter, comma_elsewhere)
    return Decision("text", notes=_notes_on_texts(column))


def _date_decision(column: Evidence, month_elsewhere: bool | None) -> Decision:
    if column.day_first != column.month_first or not column.both_days:
        return Decision("date", month_first=column.month_first > column.day_first)
    if month_elsewhere is None:
        return Decision("text", notes=(_AMBIGUOUS_DATES,))
    order = "the month" if month_elsewhere else "the day"
    return Decision(
        "date", month_first=month_elsewhere, notes=(f"{order} is read first, as in the table's other dates",)
    )


def _identifier_decision(column: Evidence) -> Decision | None:
    numbers, words = max(column.point, column.comma), {word.casefold() for word in _WORD.findall(column.name)}
    if column.phones >= _PHONE_SHARE * numbers:
        why = "they begin with a plus, as phone numbers do"
    elif column.identifiers >= max(1, _IDENTIFIER_SHARE * numbers):
        why = "some begin with 0 or have more than 15 digits"
    elif words & _IDENTIFIER_WORDS and column.big_bare + column.small_bare >= MIN_SHARE * numbers:
        why = "the column's name says so"
    else:
        return None
    return Decision("text", notes=(f"digits are described as texts because they are identifiers: {why}",))


def _number_decision(column: Evidence, delimiter: str, comma_elsewhere: bool | None) -> Decision:
    numbers = sum(column.units.values())
    unit, share = _unit(column.units)
    if share < MIN_SHARE * numbers:
        found = ", ".join(sorted(each or "none" for each, cells in column.units.items() if cells >= MIN_ROWS))
        return Decision(
            "text", notes=(f"numbers in several units ({found}) are described as texts; give each unit a column",)
        )
    if column.point != column.comma:
        return Decision("number", comma=column.comma > column.point, unit=unit)
    if not column.both_comma and not column.both_point:
        return Decision("number", unit=unit)
    if column.both_comma and column.both_point:
        return Decision("text", notes=(_MIXED,))
    return _ambiguous(column, unit, delimiter, comma_elsewhere)


def _ambiguous(column: Evidence, unit: str, delimiter: str, comma_elsewhere: bool | None) -> Decision:
    """Decide whether 1,234 or 1.234 has three decimals or is in the thousands."""
    comma_marks = column.both_comma > 0
    if column.big_bare:  # 1000 or more stands there without a mark, so the mark is of decimals
        return Decision("number", comma=comma_marks, unit=unit)
    if comma_elsewhere is not None:
        comma, why = comma_elsewhere, "as in the table's other columns"
    elif comma_marks:
        comma, why = delimiter == ";" and not column.small_bare, "as is usual in such files"
    else:
        comma = delimiter == ";" or (column.small_bare > 0 and column.both_point >= _LONG_DECIMALS)
        why = "as is usual in such files"
    mark, value = ("1,234", "1.234" if comma else "1234") if comma_marks else ("1.234", "1234" if comma else "1.234")
    other = "1234" if value == "1.234" else "1.234"
    return Decision("number", comma=comma, unit=unit, notes=(f"{mark} is read as {value}, {why}; it could be {other}",))


def _unit(units: Counter[str]) -> tuple[str, int]:
    """Return the unit of most numbers, and how many have it; a currency may be missing from some."""
    bare = units[""]
    shares = {unit: count + (0 if unit in "%‰" else bare) for unit, count in units.items() if unit}
    if not shares:
        return "", bare
    unit = max(shares, key=lambda each: (shares[each], each))
    return (unit, shares[unit]) if shares[unit] >= bare else ("", bare)


def _notes_on_texts(column: Evidence) -> tuple[str, ...]:
    values, numbers = _values(column), sum(column.units.values())
    if numbers >= MIN_SHARE * values:
        return (_MIXED,)
    if column.dates >= MIN_SHARE * values:
        return ("dates with the day first and with the month first are mixed: they are described as texts",)
    if column.dates >= _MANY * values:
        return ("many cells are dates, but fewer than nine in ten: all are described as texts",)
    if numbers >= _MANY * values:
        return ("many cells are numbers, but fewer than nine in ten: all are described as texts",)
    if numbers + column.began >= _MIN_BEGAN * values:
        return ("cells begin with a number and continue with other characters: they are described as texts",)
    return ()

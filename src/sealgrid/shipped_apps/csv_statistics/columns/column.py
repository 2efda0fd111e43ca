"""The columns of a table; collects a column's values, with notes on cells that are left out or read otherwise."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .date_format import read_date
from .kinds import Decision
from .missing_values import is_missing, is_missing_among_values
from .notes import Note
from .number_format import ParsedNumber, Reread, read_number

_SENTINELS = frozenset({-9.0, -99.0, -999.0, -9999.0, -99999.0, -99.9, -999.9, -99.99, -999.99, -9999.9, -9999.99})
_REREAD_NOTES = (
    (Reread.DIGITS, "digits of another script are read as 0 to 9"),
    (Reread.NEGATIVE, "brackets, a minus after the number and other characters for minus are read as a minus in front"),
    (Reread.DASH, "a currency with a dash is read as 0"),
    (Reread.GROUPS, "marks between thousands are left out"),
    (Reread.FLAG, "marks of footnotes behind numbers are left out"),
    (Reread.EXPONENT, "9E2 is read as 900"),
)
_NOTED = sum(reread for reread, _ in _REREAD_NOTES)


@dataclass(frozen=True)
class Numbers:
    """A column of numbers, without its missing cells."""

    name: str
    values: "array[float]"
    unit: str = ""  #: a currency, "%" or "‰"
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class Dates:
    """A column of dates, without its missing cells; times of day are left out."""

    name: str
    values: "array[int]"  #: proleptic Gregorian ordinals
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class Texts:
    """A column of other text: how often each text occurs."""

    name: str
    counts: Counter[str]
    notes: list[Note] = field(default_factory=list)


Column = Numbers | Dates | Texts


class ColumnReader:
    """Collects the values of one column, and notes on its cells."""

    def __init__(self, name: str, decision: Decision) -> None:
        self._name, self._decision = name, decision
        self._numbers: array[float] = array("d")
        self._days: array[int] = array("l")
        self._texts: Counter[str] = Counter()
        self._notes: dict[str, Note] = {}
        self.add: Callable[[str], None] = {"number": self._number, "date": self._date, "text": self._text}[
            decision.kind
        ]

    def column(self) -> Column:
        """Return the column after its last cell."""
        notes = [*(Note(what) for what in self._decision.notes), *self._notes.values()]
        if self._decision.kind == "text":
            return Texts(self._name, self._texts, notes)
        if self._decision.kind == "date":
            return Dates(self._name, self._days, notes)
        return Numbers(self._name, self._numbers, self._decision.unit, [*notes, *self._sentinels()])

    def _note(self, what: str, cell: str) -> None:
        self._notes.setdefault(what, Note(what)).add(cell)

    def _left_out(self, cell: str) -> bool:
        if is_missing(cell) or is_missing_among_values(cell):
            if cell:
                self._note("left out as missing", cell)
            return True
        return False

    def _number(self, cell: str) -> None:
        number, decision = read_number(cell), self._decision
        if number is None:
            if not self._left_out(cell):
                self._note("left out, not a number", cell)
            return
        value = number.comma if decision.comma else number.point
        if value is None:
            self._note("left out, with another decimal mark", cell)
            return
        if number.unit != decision.unit and (number.unit or (value and decision.unit in {"%", "‰"})):
            self._note("left out, in another unit", cell)
            return
        self._numbers.append(value)
        if number.reread or "," in cell or decision.comma:
            self._note_reread(cell, number)

    def _note_reread(self, cell: str, number: ParsedNumber) -> None:
        comma = self._decision.comma
        if comma and "," in cell:
            self._note("a comma is read as the decimal mark", cell)
        if ("." in cell and comma) or ("," in cell and not comma):
            self._note("marks between thousands are left out", cell)
        if number.unit:
            self._note(_without_unit(number.unit), cell)
        if number.reread & _NOTED:
            for reread, what in _REREAD_NOTES:
                if number.reread & reread:
                    self._note(what, cell)

    def _date(self, cell: str) -> None:
        date = read_date(cell)
        day = None if date is None else date.month_first if self._decision.month_first else date.day_first
        if day is not None and (self._decision.compact or not (date and date.compact)):
            self._days.append(day)
            if len(cell) > 12 and (":" in cell or cell[:8].isdigit()):
                self._note("times of day are left out", cell)
        elif not self._left_out(cell):
            self._note("left out, not a date in this column's order", cell)

    def _text(self, cell: str) -> None:
        if not is_missing(cell):
            self._texts[cell] += 1
        elif cell:
            self._note("left out as missing", cell)

    def _sentinels(self) -> Iterator[Note]:
        lowest = min(self._numbers, default=0.0)
        if lowest in _SENTINELS and min((each for each in self._numbers if each != lowest), default=-1.0) >= 0:
            what = (
                f"{lowest:g} counts as a number, though no other is negative; leave its cell empty if it means missing"
            )
            yield Note(what, self._numbers.count(lowest), hidden_if_few=True)
        highest = max(self._numbers, default=0.0)
        if (
            -highest in _SENTINELS
            and max((each for each in self._numbers if each != highest), default=highest) < highest / 2
        ):
            what = (
                f"{highest:g} counts as a number, though it is twice any other; leave its cell empty if it is missing"
            )
            yield Note(what, self._numbers.count(highest), hidden_if_few=True)


def _without_unit(unit: str) -> str:
    return f"9{unit} counts as 9" if unit in {"%", "‰"} else f"the currency {unit} is left out"

"""Checks the names of a table's columns: different ones, of a bounded length, and no values."""

import itertools
from collections import Counter

from .date_format import read_date
from .errors import TableRefused
from .kinds import MIN_SHARE, Decision, Evidence
from .layout import TableLayout
from .number_format import Reread, is_year, read_number

MAX_COLUMNS = 1000
MAX_NAME = 200  #: characters
MIN_COUNTING = 3  #: names that are numbers and count up are names
MIN_REPEATED = 2  #: cells that are the name of their column, in a table without a line of names


def check_names(layout: TableLayout) -> None:
    """Raise TableRefused for too many columns, a name that is too long, or two equal names."""
    names = [name for name in layout.names if name]
    if len(layout.names) > MAX_COLUMNS or max(map(len, names)) > MAX_NAME:
        raise TableRefused(f"a table has at most {MAX_COLUMNS} columns, with names of at most {MAX_NAME} characters.")
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        first, second, *_ = (place for place, name in enumerate(layout.names, start=1) if name == twice)
        raise TableRefused(
            f"the first line of a table names its columns; here two have the same name: columns {first} and {second}."
        )


def check_names_are_no_values(layout: TableLayout, evidence: list[Evidence], decisions: list[Decision]) -> None:
    """Raise TableRefused where the names are like the cells below them: the table's first line is a row of values."""
    names = [name for name in layout.names if name]
    numbers = [number.point for name in names if (number := read_number(name))]
    counting = all(after == before + 1 for before, after in itertools.pairwise(number or 0 for number in numbers))
    of_pandas = not layout.names[0] and evidence[0].counted and numbers[:1] == [0]
    numbered = counting and (of_pandas or MIN_COUNTING <= len(numbers) < len(names))
    if len(numbers) == len(names) and not numbered:
        raise _no_names(layout)
    for seen, decision in zip(evidence, decisions, strict=True):
        if _is_value(seen, decision) and not (numbered and read_number(seen.name)):
            raise _no_names(layout)
    texts = [seen for seen, decision in zip(evidence, decisions, strict=True) if decision.kind == "text"]
    repeated = [seen.name for seen in texts if seen.named >= MIN_REPEATED and seen.filled == evidence[0].filled]
    if len(texts) == len(evidence) and 2 * len(repeated) > len(texts):
        raise TableRefused(
            "the first line of a table names its columns; here the names are also cells of their columns."
        )


def _is_value(column: Evidence, decision: Decision) -> bool:
    """Return whether the name of a column is like its cells."""
    number = read_number(column.name)
    if decision.kind == "date":
        return read_date(column.name) is not None
    if decision.kind == "number" and number is not None:
        return column.years >= MIN_SHARE * column.filled or not is_year(number.point)
    return number is not None and bool(number.reread & (Reread.PADDED | Reread.LONG | Reread.PLUS))


def _no_names(layout: TableLayout) -> TableRefused:
    reason = (
        "a column has no name, in the first lines" if layout.titles else "a name is a number, as in a row of values"
    )
    return TableRefused(f"the first line of a table names its columns; here {reason}.")

"""Reads a CSV table twice: once for the kinds of its columns, once for their values. No whole table is in memory.

A table is accepted if (1) it is UTF-8 text, (2) its first line has a different name for each column, (3) no name is a
number, which would mean that the line of names is missing, (4) every row has one cell for each column, (5) it has at
least ``MIN_ROWS`` rows.
"""

import csv
import re
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import TableRefused

if TYPE_CHECKING:
    import _csv  # the type of csv.reader

MIN_ROWS = 10  #: that each number of a result describes
DELIMITERS = ",;\t|"
MAX_COLUMNS = 1000
MAX_NAME = 200  #: characters
MAX_NUMBER = 1e100  #: sums of squares of larger numbers overflow
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Numbers:
    """A column of numbers, without its empty cells."""

    name: str
    values: "array[float]"


@dataclass(frozen=True)
class Texts:
    """A column of other text: how often each text occurs."""

    name: str
    counts: Counter[str]


@dataclass(frozen=True)
class Table:
    rows: int
    columns: tuple[Numbers | Texts, ...]


def read_table(path: Path) -> Table:
    """Return every column of a table; raise TableRefused for an invalid table."""
    rows, numeric = 0, []
    with _rows(path) as (names, lines):
        numeric = [True] * len(names)
        for row in lines:
            rows += 1
            numeric = [so_far and _is_number_or_empty(cell) for so_far, cell in zip(numeric, row, strict=True)]
    # (5)
    if rows < MIN_ROWS:
        raise TableRefused(f"the table has {rows} rows; of fewer than {MIN_ROWS}, statistics would reveal single rows.")
    with _rows(path) as (names, lines):
        columns = [
            Numbers(name, array("d")) if is_numeric else Texts(name, Counter())
            for name, is_numeric in zip(names, numeric, strict=True)
        ]
        for row in lines:
            for column, cell in zip(columns, row, strict=True):
                text = cell.strip()
                if text and isinstance(column, Numbers):
                    column.values.append(float(text))
                elif text and isinstance(column, Texts):
                    column.counts[text] += 1
    return Table(rows, tuple(columns))


def _is_number_or_empty(cell: str) -> bool:
    text = cell.strip()
    return not text or (_NUMBER.fullmatch(text) is not None and abs(float(text)) <= MAX_NUMBER)


@contextmanager
def _rows(path: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline(1 << 20)
            file.seek(0)
            reader = csv.reader(file, delimiter=max(DELIMITERS, key=header.count), strict=True)
            try:
                names = _names(next(reader, []))
                yield names, _checked_rows(reader, len(names))
            except csv.Error as error:
                raise TableRefused(f"line {reader.line_num} of the dataset is not a valid line of CSV.") from error
    except UnicodeDecodeError as error:  # (1)
        raise TableRefused("the dataset is not a CSV table: it is not UTF-8 text.") from error


def _names(header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    # (2)
    if not names or not all(name and name.isprintable() for name in names):
        raise TableRefused("the first line of a table names its columns; here a column has no name.")
    if len(set(names)) < len(names):
        raise TableRefused("the first line of a table names its columns; here two have the same name.")
    if len(names) > MAX_COLUMNS or max(map(len, names)) > MAX_NAME:
        raise TableRefused(f"a table has at most {MAX_COLUMNS} columns, with names of at most {MAX_NAME} characters.")
    # (3)
    if any(_NUMBER.fullmatch(name) for name in names):
        raise TableRefused(
            "the first line of a table names its columns; here a name is a number, as in a row of values."
        )
    return names


def _checked_rows(reader: "_csv.Reader", width: int) -> Iterator[list[str]]:
    for row in reader:
        if not row:
            continue  # an empty line, as at the end of many files
        # (4)
        if len(row) != width:
            raise TableRefused(f"line {reader.line_num} has {len(row)} cells; the table has {width} columns.")
        yield row

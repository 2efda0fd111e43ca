"""Reads a CSV table twice, once for the kinds of its columns, once for their values. Never a whole table in memory.

A table is accepted when (1) it is text in UTF-8, (2) its first line names every column, each by another name, (3) no
name is a number, as it would be if the names were missing and a row stood in their place, (4) every row has one cell
for each column, (5) it has enough rows to hide each one.
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
    import _csv  # the one name for what csv.reader returns

LEAST = 10  #: rows that any number in the result tells of
DELIMITERS = ",;\t|"
MOST_COLUMNS = 1000
MOST_NAME = 200  #: characters
LARGEST = 1e100  #: of a number, so that sums of squares stay numbers
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Numbers:
    """A column of numbers, without its empty cells."""

    name: str
    values: "array[float]"


@dataclass(frozen=True)
class Texts:
    """A column of anything else: how often each text occurs."""

    name: str
    counts: Counter[str]


@dataclass(frozen=True)
class Table:
    rows: int
    columns: tuple[Numbers | Texts, ...]


def read_table(path: Path) -> Table:
    """Return every column of a table; raise TableRefused for a file that is none."""
    rows, numeric = 0, []
    with _rows(path) as (names, lines):
        numeric = [True] * len(names)
        for row in lines:
            rows += 1
            numeric = [so_far and _may_be_number(cell) for so_far, cell in zip(numeric, row, strict=True)]
    # (5)
    if rows < LEAST:
        raise TableRefused(f"the table has {rows} rows; of fewer than {LEAST}, statistics would tell of single ones.")
    return Table(rows, _columns(path, numeric))


def _columns(path: Path, numeric: list[bool]) -> tuple[Numbers | Texts, ...]:
    with _rows(path) as (names, lines):
        made = [
            Numbers(name, array("d")) if kind else Texts(name, Counter())
            for name, kind in zip(names, numeric, strict=True)
        ]
        for row in lines:
            for column, cell in zip(made, row, strict=True):
                if text := cell.strip():
                    if isinstance(column, Numbers):
                        column.values.append(float(text))
                    else:
                        column.counts[text] += 1
    return tuple(made)


def _may_be_number(cell: str) -> bool:
    text = cell.strip()
    return not text or (_NUMBER.fullmatch(text) is not None and abs(float(text)) <= LARGEST)


@contextmanager
def _rows(path: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=_delimiter(file.readline(1 << 20)), strict=True)
            file.seek(0)
            try:
                names = _names(next(reader, []))
                yield names, _checked(reader, len(names))
            except csv.Error as error:
                raise TableRefused(f"line {reader.line_num} of the dataset is no line of a CSV table.") from error
    except UnicodeDecodeError as error:  # (1)
        raise TableRefused("the dataset is no CSV table: it is not text in UTF-8.") from error


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=header.count)


def _names(header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    # (2)
    if not names or not all(name and name.isprintable() for name in names):
        raise TableRefused("the first line of a table names its columns; here it leaves some, or all, without a name.")
    if len(set(names)) < len(names):
        raise TableRefused("the first line of a table names its columns; here two have the same name.")
    if len(names) > MOST_COLUMNS or max(map(len, names)) > MOST_NAME:
        raise TableRefused(f"a table has at most {MOST_COLUMNS} columns, with names of at most {MOST_NAME} characters.")
    # (3)
    if any(_NUMBER.fullmatch(name) for name in names):
        raise TableRefused("the first line of a table names its columns; here it holds a number, as a row does.")
    return names


def _checked(reader: "_csv.Reader", width: int) -> Iterator[list[str]]:
    for row in reader:
        if not row:
            continue  # an empty line, as at the end of many files
        # (4)
        if len(row) != width:
            raise TableRefused(f"line {reader.line_num} has {len(row)} cells, and the table {width} columns.")
        yield row

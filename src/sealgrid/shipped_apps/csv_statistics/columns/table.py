"""Reads a CSV table twice: once for the kinds of its columns, once for their values. No whole table is in memory.

A table is accepted if (1) it is text, compressed by gzip or not, (2) a line near its beginning names its columns, each
differently, (3) no name is a value of its column, which would mean that the line of names is missing, (4) every row has
one cell for each column, (5) it has at least ``MIN_ROWS`` rows.

Left out, with a note: title lines, blank rows, repeated lines of names, lines below the table, columns without names
that are empty or count the rows, and cells that are missing or not of their column's kind.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .column import Column, ColumnReader
from .errors import TableRefused
from .kinds import Evidence, decide
from .layout import TableLayout, find_layout, is_blank, plain, rows_of
from .names import check_names, check_names_are_no_values, is_year
from .notes import MIN_ROWS, Note
from .number_format import read_number
from .source import ENCODING_NAMES, TextFile, open_text

if TYPE_CHECKING:
    import _csv  # the type of csv.reader

MAX_LINES_BELOW = 20
_COUNT_OF_ROWS = re.compile(r"\(\d+ rows?\)")


@dataclass(frozen=True)
class Table:
    """The columns of a table, and notes on the table as a whole."""

    rows: int
    columns: tuple[Column, ...]
    notes: tuple[Note, ...] = ()

    def owner_notes(self) -> tuple[str, ...]:
        """Return every note with counts and examples of cells: for the table's owner alone."""
        of_columns = [f"column {each.name!r}: {note.private()}" for each in self.columns for note in each.notes]
        return (*(note.private() for note in self.notes), *of_columns)


def read_table(path: Path) -> Table:
    """Return every column of a table; raise TableRefused for an invalid table."""
    # (1)
    text = open_text(path)
    # (2)
    layout = find_layout(text)
    check_names(layout)
    evidence, left_out = _evidence(text, layout)
    decisions = decide(evidence, layout.dialect.delimiter)
    # (3)
    check_names_are_no_values(layout, evidence, decisions)
    # (5)
    if left_out.rows < MIN_ROWS:
        raise TableRefused(
            f"the table has {left_out.rows} rows; of fewer than {MIN_ROWS}, statistics would reveal single rows."
        )
    notes = _notes_on_table(text, layout, left_out)
    readers: list[tuple[int, ColumnReader]] = []
    for place, (seen, decision) in enumerate(zip(evidence, decisions, strict=True)):
        if place == 0 and seen.counted and seen.name in {"", "Unnamed: 0"}:
            notes.append(Note("column 1 counts the rows and has no name: it is left out"))
        elif seen.name:
            readers.append((place, ColumnReader(seen.name, decision)))
        elif not seen.filled:
            notes.append(Note(f"column {place + 1} has no name and no cells: it is left out"))
        elif place == 0:
            notes.append(Note("column 1 has no name: it is called 'column 1'"))
            readers.append((place, ColumnReader("column 1", decision)))
        else:
            raise TableRefused(
                f"the first line of a table names its columns; here a column has no name: column {place + 1}."
            )
    _read_columns(text, layout, readers)
    return Table(left_out.rows, tuple(reader.column() for _, reader in readers), tuple(notes))


@dataclass
class _Rows:
    """Counts of the rows of a table, and of what was left out beside them."""

    rows: int = 0
    blank: int = 0  #: rows of empty cells with delimiters
    repeated: int = 0  #: lines of names below the first
    below: int = 0  #: lines below the table
    longer: int = 0  #: rows with empty cells behind their last column


def _evidence(text: TextFile, layout: TableLayout) -> tuple[list[Evidence], _Rows]:
    evidence, counts = [Evidence(name) for name in layout.names], _Rows()
    with rows_of(text, layout.dialect, separator_line=layout.separator_line) as reader:
        for row in _checked_rows(reader, layout, counts):
            for column, cell in zip(evidence, row, strict=True):
                column.add(plain(cell))
    return evidence, counts


def _read_columns(text: TextFile, layout: TableLayout, readers: "list[tuple[int, ColumnReader]]") -> None:
    with rows_of(text, layout.dialect, separator_line=layout.separator_line) as reader:
        for row in _checked_rows(reader, layout, _Rows()):
            for place, column in readers:
                column.add(plain(row[place]))


def _checked_rows(reader: "_csv.Reader", layout: TableLayout, counts: _Rows) -> Iterator[list[str]]:
    """Yield the rows below the line of names; raise TableRefused (4) for one of another width."""
    width, header, after_blank = layout.width, list(layout.header), False
    below: list[tuple[int, list[str]]] = []  # lines after a blank one, which are rows if rows follow
    skipped = 0
    for row in reader:
        if is_blank(row):
            counts.blank += bool(row) and skipped > layout.titles
            after_blank = skipped > layout.titles
            continue
        if skipped <= layout.titles:
            skipped += 1  # the titles and the line of names
            continue
        if row == header:
            counts.repeated += 1
            continue
        line = reader.line_num + layout.separator_line
        is_count = _COUNT_OF_ROWS.fullmatch(row[0].strip()) is not None  # as a database's terminal prints it
        if (after_blank or below or is_count) and sum(bool(cell.strip()) for cell in row) == 1 < width:
            below.append((line, row))
            continue
        for earlier_line, earlier in below:
            yield _of_width(earlier, width, earlier_line, counts)
        below, after_blank = [], False
        yield _of_width(row, width, line, counts)
    if len(below) > MAX_LINES_BELOW:
        raise TableRefused(f"more than {MAX_LINES_BELOW} lines below the table are no rows of it; remove them.")
    counts.below = len(below)


def _of_width(row: list[str], width: int, line: int, counts: _Rows) -> list[str]:
    # (4)
    if len(row) > width and is_blank(row[width:]):
        counts.longer += 1
        row = row[:width]
    if len(row) != width:
        raise TableRefused(f"line {line} has {len(row)} cells; the table has {width} columns.")
    counts.rows += 1
    return row


def _notes_on_table(text: TextFile, layout: TableLayout, counts: _Rows) -> list[Note]:
    notes = []
    if text.guessed:
        notes.append(
            f"the file is not UTF-8 and is read as {ENCODING_NAMES[text.encoding]}; "
            "if letters are wrong, save it as CSV UTF-8"
        )
    if layout.titles:
        notes.append(f"lines above the line of names are left out ({layout.titles})")
    if any("\n" in name.strip() or "\r" in name.strip() for name in layout.header):
        notes.append("names of columns are written on one line each")
    if any(is_year(number.point) for name in layout.names if (number := read_number(name))):
        notes.append("names that are years are names of columns")
    for count, what in (
        (counts.blank, "rows without any cell are left out"),
        (counts.repeated, "repeated lines of names are left out"),
        (counts.below, "lines below the table are left out"),
        (counts.longer, "empty cells behind the last column are left out"),
    ):
        if count:
            notes.append(f"{what} ({count})")
    return [Note(what) for what in notes]

"""Reads a CSV table twice: once for the kinds of its columns, once for their values. No whole table is in memory.

A table is accepted if (1) it is text, compressed by gzip or not, (2) a line near its beginning names its columns, each
differently, (3) no name is a value of its column, which would mean that the line of names is missing, (4) every row has
one cell for each column, (5) it has at least ``MIN_ROWS`` rows.

Left out, with a note: title lines, comments, blank rows, repeated lines of names, lines and totals below the table,
columns without names that are empty or count the rows, and cells that are missing or not of their column's kind.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .column import Column, ColumnReader
from .errors import TableRefused
from .kinds import Evidence, decide
from .layout import TableLayout, find_layout, is_blank, is_comment, plain, rows_of
from .names import check_names, check_names_are_no_values
from .notes import MIN_ROWS, Note
from .number_format import is_year, read_number
from .source import ENCODING_NAMES, TextFile, open_text

if TYPE_CHECKING:
    import _csv  # the type of csv.reader

MAX_LINES_BELOW = 20
_MAX_LABEL = 40  #: characters of a cell that may name totals
_COUNT_OF_ROWS = re.compile(
    r"\(?\d+ rows?( selected| affected| in set.*)?\)?\.?|completion time: [-0-9T:.+]*", re.IGNORECASE
)
_FLAGS = re.compile(r"(?<=[\d:]) ?[a-z]{1,4}$")  #: of Eurostat
_SUM_WORDS = frozenset("total totals subtotal summe ergebnis gesamt totale totaal somme suma".split())  # noqa: SIM905
_STARS = frozenset(("*", "**", "***"))  #: before SAP's totals
_TOTAL_LABELS = (
    "total, totals, grand total, sum, subtotal, summe, gesamt, gesamtsumme, insgesamt, total general, total général, "
    "totale, somme, suma, suma total, totaal, razem, ogółem, celkem, összesen, yhteensä, summa, i alt, sammanlagt, "
    "gesamtergebnis, total geral, totale complessivo, eindtotaal, suma końcowa, celkový součet, totalsumma, totalt, "
    "hovedtotal, végösszeg, loppusumma, общий итог, итого, всего, разом, σύνολο, toplam, genel toplam, "
    "合計, 総計, 合计, 总计, 總計, 합계, 총계, 총합계, average, mean, durchschnitt, mittelwert, moyenne, promedio, "
    "media, média, gemiddelde, średnia, среднее, 平均"
)
_TOTALS = frozenset(_TOTAL_LABELS.split(", "))  #: of a row below a table that sums it up, without letter case


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
    totals: int = 0  #: rows of totals or averages below the table
    comments: int = 0  #: lines that begin with a mark of comments and are no rows by their width
    longer: int = 0  #: rows with empty cells behind their last column
    flagged: int = 0  #: cells with flags behind a number
    sums: int = 0  #: rows that count, though their first cell is like that of totals


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
    width = layout.width
    below: list[tuple[int, list[str]]] = []  # lines that are rows if rows follow
    totals = 0  # of these
    for row, is_after_blank in _rows_below_names(reader, layout, counts):
        line = reader.line_num + layout.separator_line
        if len(row) != width and is_comment(row):
            counts.comments += 1
            continue
        is_count = _is_count(row)
        after_blank = is_after_blank or bool(below)
        is_single = after_blank and sum(bool(cell.strip()) for cell in row) == 1 < width
        is_total = not is_single and not is_count and _is_total(row, after_blank=after_blank)
        if is_single or is_count or is_total:
            below.append((line, row))
            totals += is_total
            continue
        for earlier_line, earlier in below:
            yield _of_width(earlier, width, earlier_line, counts)
        below, totals = [], 0
        yield _of_width(row, width, line, counts)
    if len(below) > MAX_LINES_BELOW:
        raise TableRefused(f"more than {MAX_LINES_BELOW} lines below the table are no rows of it; remove them.")
    counts.below, counts.totals = len(below) - totals, totals


def _rows_below_names(reader: "_csv.Reader", layout: TableLayout, counts: _Rows) -> Iterator[tuple[list[str], bool]]:
    """Yield rows below names and labels, neither blank nor repeated names, and whether a blank one is before."""
    header, after_blank, above = list(layout.header), False, layout.titles + 1 + layout.labels
    for row in reader:
        if is_blank(row):
            counts.blank += bool(row) and above < 1
            after_blank = above < 1
            continue
        if above:
            above -= 1
            continue
        if row[0][:1] == "\ufeff":  # of a file that was appended to another one
            row[0] = row[0].lstrip("\ufeff")
        if row == header:
            counts.repeated += 1
            continue
        yield _without_flags(row, counts) if layout.is_flagged else row, after_blank
        after_blank = False


def _is_count(row: list[str]) -> bool:
    """Return whether a line counts the rows, as a database's terminal prints below a table."""
    start = row[0].lstrip("( ")[:1]
    return (
        (start.isdigit() or start in "Cc")
        and len(row) <= 4
        and _COUNT_OF_ROWS.fullmatch(" ".join(row).strip()) is not None
    )


def _is_total(row: list[str], *, after_blank: bool) -> bool:
    """Return whether a row sums up those above: by its first text, or as numbers without a first cell after a blank."""
    first = next(cell for cell in row if cell.strip()).strip()
    label = first.rstrip(" :").casefold()
    if label in _TOTALS or label.startswith("total ") or (after_blank and first in _STARS):
        return sum(bool(cell.strip()) for cell in row) > 1
    return (
        after_blank and not row[0].strip() and all(read_number(plain(cell)) is not None for cell in row if cell.strip())
    )


def _of_width(row: list[str], width: int, line: int, counts: _Rows) -> list[str]:
    # (4)
    if len(row) > width and is_blank(row[width:]):
        counts.longer += 1
        row = row[:width]
    if len(row) != width:
        raise TableRefused(f"line {line} has {len(row)} cells; the table has {width} columns.")
    counts.rows += 1
    first = row[0] or row[min(1, width - 1)]  # behind a column that counts the rows
    if len(first) < _MAX_LABEL and first[-1:].isalpha():
        counts.sums += _is_sum(first)
    return row


@lru_cache(maxsize=4096)
def _is_sum(cell: str) -> bool:
    words = cell.casefold().strip(" :").split()
    return bool(words) and not _SUM_WORDS.isdisjoint((words[0], words[-1]))


def _without_flags(row: list[str], counts: _Rows) -> list[str]:
    """Return a row of Eurostat without the letters behind its numbers."""
    cells = [_FLAGS.sub("", cell.strip()) for cell in row[1:]]
    counts.flagged += sum(before.strip() != after for before, after in zip(row[1:], cells, strict=True))
    return [row[0], *cells]


def _notes_on_table(text: TextFile, layout: TableLayout, counts: _Rows) -> list[Note]:
    notes = []
    if text.guessed:
        notes.append(
            f"the file is not UTF-8 and is read as {ENCODING_NAMES[text.encoding]}; "
            "if letters are wrong, save it as CSV UTF-8"
        )
    if layout.titles:
        notes.append(f"lines above the line of names are left out ({layout.titles})")
    if layout.labels:
        notes.append(f"lines of units or labels below the line of names are left out ({layout.labels})")
    if any("\n" in name.strip() or "\r" in name.strip() for name in layout.header):
        notes.append("names of columns are written on one line each")
    if any(is_year(number.point) for name in layout.names if (number := read_number(name))):
        notes.append("names that are years are names of columns")
    for count, what in (
        (counts.blank, "rows without any cell are left out"),
        (counts.repeated, "repeated lines of names are left out"),
        (counts.below, "lines below the table are left out"),
        (counts.totals, "rows of totals below the table are left out"),
        (counts.comments, "lines that begin as comments are left out"),
        (counts.sums, "rows that are named like totals or parts of them count as rows"),
        (counts.flagged, "flags behind numbers are left out"),
        (counts.longer, "empty cells behind the last column are left out"),
    ):
        if count:
            notes.append(f"{what} ({count})")
    return [Note(what) for what in notes]

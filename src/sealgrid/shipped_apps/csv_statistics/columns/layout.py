"""Finds a table's delimiter, quotation and line of names from its first rows.

The delimiter is the one under which the most rows have equally many cells. Lines above the line of names, such as a
title, name fewer columns than the table has.
"""

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from .date_format import read_date
from .errors import TableRefused
from .missing_values import is_missing
from .number_format import is_year, read_number
from .source import TextFile

if TYPE_CHECKING:
    import _csv  # the type of csv.reader

MAX_CELL = 1 << 20  #: characters
SAMPLE_ROWS = 2000
MAX_TITLE_ROWS = 20
DELIMITERS = "\t;|,\x01\x1f^~:"  #: the first of equally good ones
_RARE = "¦§¬，；、"  #: tried where they occur
_DOUBTFUL = " :，；、"  #: often within cells; only where no other delimiter fits
_MIN_FIT = 0.9  #: share of the sample's rows with the same number of cells
_ALIGNED = re.compile(r"\S {2,}\S")
_COMMENT_MARKS = ("#", "//", "%", "--")
_DECIMAL_COMMAS = "; numbers with decimal commas need quotation marks, or semicolons between the cells."
MAX_LABEL_ROWS = 3  #: below the line of names
_MIN_LABELS = 2  #: of columns of numbers or dates with a text in such a row
_MIN_BELOW = 10  #: rows that tell what a column has
_FLAGGED_NAME = re.compile(r".*\\(time|TIME_PERIOD)")  #: of Eurostat
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How lines become cells."""

    delimiter: str
    quoted: bool = True  #: whether quotation marks enclose cells
    escaped: bool = False  #: whether a backslash stands before a quotation mark or a delimiter within a cell

    def reader(self, lines: Iterator[str]) -> "_csv.Reader":
        """Return the rows of lines; invalid ones raise csv.Error."""
        if self.escaped:
            mark = re.escape(self.delimiter)
            null = re.compile(rf"(?:(?<=^)|(?<={mark}))\\N(?={mark}|\r|\n|$)")  # MySQL's; its backslash would be lost
            lines = (null.sub("", line) for line in lines)
            return csv.reader(lines, delimiter=self.delimiter, escapechar="\\", doublequote=False, strict=True)
        if not self.quoted:
            return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE, strict=True)
        return csv.reader(lines, delimiter=self.delimiter, skipinitialspace=True, strict=True)


@dataclass(frozen=True)
class TableLayout:
    """Where the cells of a table are."""

    dialect: Dialect
    names: tuple[str, ...]  #: empty for a column without one
    header: tuple[str, ...]  #: the cells of the line of names
    titles: int  #: rows above the line of names
    separator_line: bool = False  #: whether the first line is one like ``sep=;``
    labels: int = 0  #: rows of units, types or questions below the line of names

    @property
    def is_flagged(self) -> bool:
        """Return whether letters may follow numbers as flags: Eurostat's form of a table."""
        return _FLAGGED_NAME.fullmatch(self.names[0]) is not None

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return len(self.names)


@dataclass(frozen=True)
class _Sample:
    dialect: Dialect
    rows: list[list[str]]
    broken: int = 0  #: the line that is no line of CSV; 0 for none
    too_long: bool = False  #: whether a cell of that line is too long

    @property
    def usual_width(self) -> int:
        return Counter(map(len, self.rows)).most_common(1)[0][0] if self.rows else 0

    @property
    def fit(self) -> float:
        """Return the share of rows with the usual number of cells."""
        width = self.usual_width
        return sum(len(row) == width for row in self.rows) / max(1, len(self.rows))

    @property
    def fits(self) -> bool:
        """Return whether nearly all rows have the same number of cells, several, apart from lines above them."""
        width = self.usual_width
        above = next((number for number, row in enumerate(self.rows) if len(row) == width), 0)
        below = self.rows[min(above, MAX_TITLE_ROWS) :]
        return width > 1 and sum(len(row) == width for row in below) >= _MIN_FIT * len(below)

    @property
    def divides(self) -> bool:
        """Return whether the delimiter is in the first row and in half of the others, which then have several cells."""
        several = sum(len(row) > 1 for row in self.rows)
        doubtful = self.dialect.delimiter in _DOUBTFUL
        return (
            bool(self.rows)
            and len(self.rows[0]) > 1
            and not doubtful
            and (self.broken > 0 or 2 * several > len(self.rows))
        )

    def rank(self) -> tuple[bool, float, bool, bool, int]:
        """Return what the better one of two samples has more of."""
        dialect = self.dialect
        return dialect.delimiter not in _DOUBTFUL, self.fit, dialect.quoted, not dialect.escaped, self.usual_width


@contextmanager
def rows_of(text: TextFile, dialect: Dialect, *, separator_line: bool) -> Iterator["_csv.Reader"]:
    """Open a file as rows of cells; raise TableRefused where a line is no line of CSV."""
    limit = csv.field_size_limit(MAX_CELL)
    try:
        with text.lines() as lines:
            if separator_line:
                next(lines, "")
            reader = dialect.reader(lines)
            try:
                yield reader
            except csv.Error as error:
                raise broken_line(reader.line_num + separator_line, too_long="field larger" in str(error)) from error
    finally:
        csv.field_size_limit(limit)


def _is_line(cell: str) -> bool:
    return any(mark in cell for mark in ",;\t|")


def is_blank(row: list[str]) -> bool:
    """Return whether no cell of a row has a text, or all together draw a line, as below the names in a terminal."""
    text = "".join(row).strip()
    return not text or (text[0] in "-+=:|" and "---" in text and not text.strip(" -+=:|"))


def find_layout(text: TextFile) -> TableLayout:
    """Return the layout of a table; raise TableRefused without a line that names its columns."""
    with text.lines() as lines:
        first = next(lines, "").strip("\ufeff\r\n ")
        escaped, rare = False, set[str]()
        for line in islice(lines, SAMPLE_ROWS):
            escaped = escaped or '\\"' in line or "\\," in line
            rare.update(mark for mark in _RARE if mark in line)
    separator = _SEPARATOR_LINE.fullmatch(first)
    delimiters = separator[1] if separator else DELIMITERS + "".join(sorted(rare))
    dialects = _dialects(first, delimiters, escaped=escaped)
    samples = [_sample(text, dialect, bool(separator)) for dialect in dialects]
    fitting = [(each, header) for each in samples if (header := _header(each)) is not None and not each.broken]
    several = [(each, header) for each, header in fitting if each.fits]
    single = [(each, header) for each, header in fitting if each.usual_width == 1 == each.fit and each.dialect.quoted]
    if several:
        sample, header = max(several, key=lambda pair: pair[0].rank())
    elif single and not any(each.divides for each in samples):
        sample, header = single[0]
        if _is_line(header.names[0]) and sum(_is_line(row[0]) for row in sample.rows) >= _MIN_FIT * len(sample.rows):
            raise TableRefused(
                "each line is one cell, with quotation marks around the whole line; export the table anew."
            )
    else:
        raise _refusal(samples)
    return TableLayout(
        sample.dialect, header.names, tuple(header.row), header.titles, bool(separator), _label_rows(sample, header)
    )


def _dialects(first: str, delimiters: str, *, escaped: bool) -> list[Dialect]:
    dialects = [Dialect(delimiter) for delimiter in delimiters]
    if ('"' in first or _ALIGNED.search(first)) and len(delimiters) > 1:
        dialects.append(Dialect(" "))  # of R's write.table, or aligned
    if escaped:
        dialects += [Dialect(delimiter, escaped=True) for delimiter in delimiters]
    return [*dialects, *(Dialect(delimiter, quoted=False) for delimiter in delimiters if delimiter in "\t|\x01")]


def _sample(text: TextFile, dialect: Dialect, separator_line: bool) -> _Sample:
    rows: list[list[str]] = []
    limit = csv.field_size_limit(MAX_CELL)
    try:
        with text.lines() as lines:
            if separator_line:
                next(lines, "")
            reader = dialect.reader(lines)
            try:
                rows.extend(row for row in islice(reader, SAMPLE_ROWS) if not is_blank(row))
            except csv.Error as error:
                return _Sample(dialect, rows, reader.line_num + separator_line, "field larger" in str(error))
    finally:
        csv.field_size_limit(limit)
    return _Sample(dialect, rows)


@dataclass(frozen=True)
class _Header:
    row: list[str]
    names: tuple[str, ...]
    titles: int


def _header(sample: _Sample) -> _Header | None:
    """Return the first row that names every column that has cells; None without one."""
    width = sample.usual_width
    for titles, row in enumerate(sample.rows[: MAX_TITLE_ROWS + 1]):
        below = [each for each in sample.rows[titles + 1 :] if len(each) == width]
        used = [any(each[column].strip() for each in below) for column in range(width)]
        if (is_comment(row) or not is_blank(row[width:])) and _names_follow(sample.rows, titles, width):
            continue
        names_of_rows = _has_names_of_rows(below, sample.dialect.delimiter)
        names = _complete_names([clean_name(cell) for cell in row], used, has_names_of_rows=names_of_rows)
        if names and titles and any((number := read_number(name)) and not is_year(number.point) for name in names):
            return None  # a row of values below a line that does not name every column
        if names:
            return _Header(row, names, titles)
        if not _is_title(row, sum(used), width):
            return None
    return None


def is_comment(row: list[str]) -> bool:
    """Return whether a row begins as comments do in programs' files."""
    return bool(row) and row[0].lstrip().startswith(_COMMENT_MARKS)


def _names_follow(rows: list[list[str]], place: int, width: int) -> bool:
    """Return whether the row after a comment has words above a column of numbers: then these are the names."""
    following = next((number for number in range(place + 1, len(rows)) if not is_comment(rows[number])), len(rows))
    if following + 1 >= len(rows) or len(rows[following]) != width:
        return False
    below = [row for row in rows[following + 1 :] if len(row) == width]
    for column, name in enumerate(rows[following]):
        cells = [cell for row in below if (cell := row[column].strip())]
        if name.strip() and read_number(plain(name)) is None and cells:
            numbers = sum(read_number(plain(cell)) is not None for cell in cells)
            if numbers >= _MIN_FIT * len(cells):
                return True
    return False


def _has_names_of_rows(rows: list[list[str]], delimiter: str) -> bool:
    """Return whether the first cells may be R's names of rows: all differ, and no decimal commas have torn numbers."""
    if not rows or len({row[0] for row in rows}) < len(rows):
        return False
    if delimiter != ",":
        return True
    if any("." in cell and read_number(plain(cell)) for row in rows for cell in row):
        return True
    whole = [all(row[column].strip().lstrip("+-").isdigit() for row in rows) for column in range(len(rows[0]))]
    return not any(first and second for first, second in itertools.pairwise(whole))


def _complete_names(cells: list[str], used: list[bool], *, has_names_of_rows: bool) -> tuple[str, ...]:
    """Return a name for each column, empty for one without cells and for the first; () where others have no name."""
    width = len(used)
    while len(cells) > width and not cells[-1]:
        cells = cells[:-1]
    if len(cells) == width - 1 and all(cells):
        if not used[-1]:
            cells = [*cells, ""]  # each row ends with a delimiter
        elif width > 2 and has_names_of_rows:
            cells = ["", *cells]  # R writes no name for them
    named = len(cells) >= width and all(
        name or not (column < width and used[column]) for column, name in enumerate(cells) if column
    )
    return tuple(cells) if named and any(cells) else ()


def _label_rows(sample: _Sample, header: _Header) -> int:
    """Return how many rows below the names have texts where the rows after them have numbers or dates, as units."""
    rows = [row for row in sample.rows[header.titles + 1 :] if len(row) == sample.usual_width]
    below = rows[MAX_LABEL_ROWS:]
    if len(below) < _MIN_BELOW:
        return 0
    valued = [
        column
        for column in range(sample.usual_width)
        if (cells := [cell for row in below if not is_missing(cell := plain(row[column]))])
        and sum(_is_value(cell) for cell in cells) >= _MIN_FIT * len(cells)
    ]
    for number, row in enumerate(rows[:MAX_LABEL_ROWS]):
        cells = [cell for column in valued if (cell := plain(row[column]))]
        if len(cells) < _MIN_LABELS or any(_is_value(cell) or is_missing(cell) for cell in cells):
            return number
    return MAX_LABEL_ROWS


def _is_value(cell: str) -> bool:
    return read_number(cell) is not None or read_date(cell) is not None


def _is_title(row: list[str], used: int, width: int) -> bool:
    """Return whether a row is like a title: it has or fills fewer columns than the table has, from the left."""
    filled = [bool(cell.strip()) for cell in row]
    count = sum(filled)
    return count < used and (count <= 1 or len(row) < width or all(filled[:count]))


def clean_name(cell: str) -> str:
    """Return a column's name on one line, without control characters."""
    return "".join(each for each in " ".join(plain(cell).split()) if each.isprintable())


def plain(cell: str) -> str:
    """Return a cell without surrounding space and without a spreadsheet's marks of text, as ``="01"`` and ``'01``."""
    cell = cell.strip()
    if cell and cell[0] in "='\ufeff\u200b":
        if cell.startswith('="') and cell.endswith('"'):
            return cell[2:-1].strip()
        if cell[0] == "'":
            return cell.strip("'").strip() if cell.endswith("'") else cell[1:].strip()
        return cell.lstrip("\ufeff\u200b")
    return cell


def _refusal(samples: list[_Sample]) -> TableRefused:
    if not any(each.rows or each.broken for each in samples):
        return TableRefused("the first line of a table names its columns; here a column has no name: there is no text.")
    sample = max(samples, key=lambda each: (each.fits, each.usual_width > 1, not each.broken, each.fit))
    if sample.broken:
        return broken_line(sample.broken, too_long=sample.too_long)
    row, width = sample.rows[0], sample.usual_width
    unnamed = next((place for place in range(1, len(row)) if not row[place].strip()), len(row))
    if len(row) < width or unnamed < width:
        hint = _DECIMAL_COMMAS if len(row) < width and sample.dialect.delimiter == "," else "."
        return TableRefused(
            "the first line of a table names its columns; here a column has no name: "
            f"column {unnamed + 1} of {width}{hint}"
        )
    odd = next((row for row in sample.rows if len(row) != len(sample.rows[0])), row)
    return TableRefused(f"a row has {len(odd)} cells; the table has {len(row)} columns.")


def broken_line(line: int, *, too_long: bool) -> TableRefused:
    """Return the refusal of a line that is no line of CSV."""
    if too_long:
        return TableRefused(
            f"line {line} of the dataset has a cell of more than {MAX_CELL >> 20} MiB, "
            "or its quotation mark is not closed."
        )
    return TableRefused(
        f"line {line} of the dataset is not a valid line of CSV: "
        "a quotation mark is not closed, or stands within a cell."
    )

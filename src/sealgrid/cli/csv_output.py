"""Tables as CSV (RFC 4180) on standard output."""

import csv
import sys
from collections.abc import Iterable, Sequence

from sealgrid.cli.output import escape_controls

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  #: a spreadsheet runs a cell that begins with one


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a header and rows; texts that a spreadsheet would run as a formula get an apostrophe.

    On a terminal the control characters of texts are escaped; a pipe gets them unchanged.
    """
    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: object) -> object:
    if isinstance(value, str):
        text = f"'{value}" if value.startswith(_FORMULA) else value
        return escape_controls(text) if sys.stdout.isatty() else text
    return int(value) if isinstance(value, int) else "" if value is None else value

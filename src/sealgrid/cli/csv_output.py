"""Tables as CSV on standard output."""

import sys
from collections.abc import Iterable, Sequence

from sealgrid.cli.output import escape_controls


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a header and rows; on a terminal the control characters of texts are escaped."""
    from sealgrid.sdk.csv_text import csv_text

    sys.stdout.write(csv_text(columns, ([_shown(value) for value in row] for row in rows)))


def _shown(value: object) -> object:
    return escape_controls(value) if isinstance(value, str) and sys.stdout.isatty() else value

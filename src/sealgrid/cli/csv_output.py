"""Tables as CSV on standard output."""

import sys
from collections.abc import Iterable, Sequence


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a header and rows."""
    from sealgrid.sdk.csv_text import csv_text

    sys.stdout.write(csv_text(columns, rows))

"""Tell a CSV table from what is none by the reading code of the shipped app itself, so that both always agree."""

from pathlib import Path

from sealgrid.errors import InputRefused


def check_csv(path: Path) -> None:
    """Raise InputRefused unless csv-statistics can read a table; the checks are those of its ``columns/table.py``."""
    from sealgrid.shipped_apps.csv_statistics.columns.errors import TableRefused  # noqa: PLC0415  only where the shipped apps are
    from sealgrid.shipped_apps.csv_statistics.columns.table import read_table  # noqa: PLC0415

    try:
        read_table(path)
    except TableRefused as refused:
        raise InputRefused(f"{path.name} cannot be sold as a table: {refused}") from refused
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}).") from error

"""The table's parser: kinds of columns, and limits. Whole runs refuse invalid tables in test_main.py."""

from pathlib import Path

import pytest

from sealgrid.shipped_apps.csv_statistics.columns.column import Numbers, Texts
from sealgrid.shipped_apps.csv_statistics.columns.errors import TableRefused
from sealgrid.shipped_apps.csv_statistics.columns.names import MAX_COLUMNS
from sealgrid.shipped_apps.csv_statistics.columns.table import read_table
from tests.unit.shipped_apps.csv_statistics.csv_text import table


def read(tmp_path: Path, content: bytes):
    (tmp_path / "table.csv").write_bytes(content)
    return read_table(tmp_path / "table.csv")


def test_a_column_of_numbers_and_empty_cells_is_numeric(tmp_path):
    rows = [(n if n % 2 else "", "1e3" if n else "-.5", f"x{n}") for n in range(10)]
    numbers, powers, texts = read(tmp_path, table(rows, ("a", "b", "c"))).columns
    assert isinstance(numbers, Numbers)
    assert list(numbers.values) == [1, 3, 5, 7, 9]
    assert isinstance(powers, Numbers)
    assert list(powers.values)[:2] == [-0.5, 1000.0]
    assert isinstance(texts, Texts)


def test_a_number_that_is_too_large_is_text(tmp_path):
    (column,) = read(tmp_path, table([("1e101",)] * 10, ("a",))).columns
    assert isinstance(column, Texts)


def test_too_many_columns_are_refused(tmp_path):
    names = tuple(f"c{n}" for n in range(MAX_COLUMNS + 1))
    with pytest.raises(TableRefused, match="at most 1000 columns"):
        read(tmp_path, table([names], names))

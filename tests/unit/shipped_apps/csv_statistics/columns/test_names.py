"""Names of columns: numbers only where they cannot be a row of values."""

from pathlib import Path

import pytest

from sealgrid.shipped_apps.csv_statistics.columns.errors import TableRefused
from sealgrid.shipped_apps.csv_statistics.columns.table import read_table


def names(folder: Path, header: str, row: str) -> list[str]:
    rows = "\n".join(row.replace("#", str(number)) for number in range(20))
    (folder / "t").write_text(f"{header}\n{rows}\n")
    return [column.name for column in read_table(folder / "t").columns]


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("country,2019,2020", "France,1.5,2.5", ["country", "2019", "2020"]),
        ("country,1/22/20,1/23/20", "France,1,2", ["country", "1/22/20", "1/23/20"]),
        ("product,1,2,3", "Tea,5,6,7", ["product", "1", "2", "3"]),
        (",0,1", "#,1.5,2.5", ["0", "1"]),
    ],
)
def test_years_days_and_counts_are_names(tmp_path, header, row, expected):
    assert names(tmp_path, header, row) == expected


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("2019,2020", "1.5,2.5"),
        ("Lyon,5", "Nice,7"),
        ("Lyon,2019", "Nice,2020"),
        ("Lyon,$7.00", "Nice,$8.00"),
        ("2026-01-01,a", "2026-01-02,b"),
        ("0600000000,x", "0600000001,y"),
    ],
)
def test_a_row_of_values_is_no_line_of_names(tmp_path, header, row):
    with pytest.raises(TableRefused, match="here a name is a number, as in a row of values"):
        names(tmp_path, header, row)


def test_texts_that_are_cells_too_are_no_line_of_names(tmp_path):
    with pytest.raises(TableRefused, match="the names are also cells of their columns"):
        names(tmp_path, "Lyon,red,id-1", "Lyon,red,id-#")
    assert names(tmp_path, "name,Apples", "id-#,Apples") == ["name", "Apples"]
    assert names(tmp_path, "Lyon,count", "Lyon,#") == ["Lyon", "count"]


def test_two_equal_names_are_refused_by_their_places(tmp_path):
    with pytest.raises(TableRefused, match="two have the same name: columns 1 and 3"):
        names(tmp_path, "a,b,a", "1,2,3")

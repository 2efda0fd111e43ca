"""Whole results: no count is of fewer than ten rows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.shipped_apps.csv_statistics.columns.notes import MIN_ROWS
from sealgrid.shipped_apps.csv_statistics.columns.summary import summarise
from tests.unit.shipped_apps.csv_statistics.csv_text import table


@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 30) | st.just("")), min_size=MIN_ROWS, max_size=200
    )
)
def test_no_count_in_any_result_is_of_fewer_than_ten_rows(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "table"
    path.write_bytes(table(rows))
    result = summarise(path)
    for each in result["columns"]:
        counts = [part["rows"] for part in each.get("histogram", []) + each.get("most_frequent", [])]
        counts += [each.get("others", 0)]
        assert all(rows == 0 or rows >= MIN_ROWS for rows in counts)
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize("cell", ["€ 95", "20260401", "0612345678"])
def test_a_withheld_column_has_no_note_about_a_single_cell(tmp_path, cell):
    path = tmp_path / "table"
    path.write_bytes(table([("Lyon", cell if row == 7 else "") for row in range(200)], ("city", "column")))
    assert summarise(path)["columns"][1] == {
        "name": "column",
        "kind": "withheld",
        "reason": f"it has fewer than {MIN_ROWS} values",
    }

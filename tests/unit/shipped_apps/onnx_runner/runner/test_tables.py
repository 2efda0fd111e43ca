"""Tables in JSON, as pandas writes them: one table in every orientation."""

import pytest

from sealgrid.shipped_apps.onnx_runner.runner.errors import RunRefused
from sealgrid.shipped_apps.onnx_runner.runner.tables import JsonTable, as_table

TABLE = JsonTable(("age", "city"), [[20, "Köln"], [30, "Łódź"]])
RECORDS = [{"age": 20, "city": "Köln"}, {"age": 30, "city": "Łódź"}]
SCHEMA = {"fields": [], "primaryKey": ["index"], "pandas_version": "1.4.0"}
ORIENTATIONS = {
    "records": RECORDS,
    "split": {"columns": ["age", "city"], "index": [0, 1], "data": TABLE.rows},
    "table": {"schema": SCHEMA, "data": [{"index": place, **row} for place, row in enumerate(RECORDS)]},
    "columns": {"age": {"0": 20, "1": 30}, "city": {"0": "Köln", "1": "Łódź"}},
    "index": {"0": RECORDS[0], "1": RECORDS[1]},
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("names", [("age", "city"), ("x",)], ids=["its columns", "one input"])
def test_a_table_is_read_in_every_orientation(orientation, names):
    assert as_table(ORIENTATIONS[orientation], names) == TABLE


def test_lists_by_column_are_a_table_for_one_input_of_another_name():
    lists = {"age": [20, 30], "city": ["Köln", "Łódź"]}
    assert as_table(lists, ("x",)) == TABLE
    assert as_table(lists, ("age", "city")) is None


@pytest.mark.parametrize("content", [{"x": [1]}, {"a": [[1]]}, {"a": 1}, [], [1], {}, 5, None])
def test_other_content_is_no_table(content):
    assert as_table(content, ("x",)) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([{"a": 1}, {"b": 2}], "record 2 and record 1 have different names: 'a', 'b'"),
        ({"a": {"0": 1}, "b": {"1": 2}}, "have different names"),
        ({"a": [1, 2], "b": [1]}, "the columns of the input differ in length"),
        ({"columns": ["a"], "data": [[1, 2]]}, "a list of rows with 1 values each"),
    ],
)
def test_rows_that_differ_are_refused(content, reason):
    with pytest.raises(RunRefused, match=reason):
        as_table(content, ("x",))

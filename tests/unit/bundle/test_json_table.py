"""Tables in JSON are recognised as onnx-runner's own code recognises them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.bundle.json_table import TableFault, as_table
from sealgrid.shipped_apps.onnx_runner.runner import tables
from sealgrid.shipped_apps.onnx_runner.runner.errors import RunRefused

NAMES = st.sampled_from(["age", "city", "columns", "data", "index", "schema", "primaryKey", "x", "0", "1"])
CELLS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.just("Köln"))
CONTENT = st.recursive(
    CELLS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=12
)


def judged(function, refusal: type[Exception], content: object, names: list[str]) -> object:
    try:
        table = function(content, names)
    except refusal:
        return "refused"
    return table and (table.columns, table.rows)


@given(CONTENT, st.lists(NAMES, max_size=2, unique=True))
def test_any_content_is_judged_as_the_app_does(content, names):
    assert judged(as_table, TableFault, content, names) == judged(tables.as_table, RunRefused, content, names)


def test_rows_by_column():
    table = as_table([{"age": 20, "city": "Köln"}, {"age": 30, "city": "Łódź"}], ["x"])
    assert table is not None
    assert table.by_column() == {"age": [20, 30], "city": ["Köln", "Łódź"]}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ([{"a": 1}, {"b": 2}], "record 2 and record 1 have different names: 'a' and 'b'"),
        ({"a": [1, 2], "b": [1]}, "the columns of the input differ in length"),
    ],
)
def test_rows_that_differ_are_faults_in_words(content, fault):
    with pytest.raises(TableFault, match=fault):
        as_table(content, ["x"])

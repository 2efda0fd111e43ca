"""Statistics of a table, compared with those that an app computed."""

import json

import pytest

from sealgrid.demos.table.expected_statistics import differences
from sealgrid.shipped_apps.csv_statistics.columns.summary import summarise
from sealgrid.shipped_apps.csv_statistics.rides import NAMES, draw_rides


@pytest.fixture
def result(tmp_path):
    (tmp_path / "rides").write_bytes(draw_rides(5, rows=300))
    return json.loads(json.dumps(summarise(tmp_path / "rides")))


def test_the_statistics_of_the_drawn_table_do_not_differ(result):
    assert [column["name"] for column in result["columns"]] == list(NAMES)
    assert differences(draw_rides(5, rows=300), result) == ()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda result: result.update(rows=301), "the table has 300 rows, not 301"),
        (lambda result: result["columns"].pop(), "the columns are"),
        (
            lambda result: result["columns"][3].update(mean=result["columns"][3]["mean"] * 1.001),
            "kilometres: its mean is",
        ),
        (lambda result: result["columns"][3].update(deviation=1), "kilometres: its deviation is"),
        (lambda result: result["columns"][3].update(values=299), "kilometres: it has 300 values, not 299"),
        (lambda result: result["columns"][3]["histogram"].pop(), "kilometres: the histogram has"),
        (lambda result: result["columns"][1]["most_frequent"][0].update(rows=1), "city: 'Lyon' is in"),
    ],
)
def test_every_number_that_differs_is_named(result, change, sentence):
    change(result)
    assert any(each.startswith(sentence) for each in differences(draw_rides(5, rows=300), result))

"""The company's own sums, held against what an app told, find whatever differs."""

import json

import pytest

from sealgrid.demos.table.expected_statistics import differences
from sealgrid.shipped_apps.csv_statistics.columns.summary import summarise
from sealgrid.shipped_apps.csv_statistics.rides import NAMES, draw_rides


@pytest.fixture
def told(tmp_path):
    (tmp_path / "rides").write_bytes(draw_rides(5, rows=300))
    return json.loads(json.dumps(summarise(tmp_path / "rides")))


def test_the_drawn_table_is_told_as_it_is(told):
    assert [column["name"] for column in told["columns"]] == list(NAMES)
    assert differences(draw_rides(5, rows=300), told) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.update(rows=301), "the table has 300 rows, not 301"),
        (lambda told: told["columns"].pop(), "the columns are"),
        (lambda told: told["columns"][3].update(mean=told["columns"][3]["mean"] * 1.001), "kilometres: its mean is"),
        (lambda told: told["columns"][3].update(deviation=1), "kilometres: its deviation is"),
        (lambda told: told["columns"][3].update(values=299), "kilometres: it has 300 values, not 299"),
        (lambda told: told["columns"][3]["histogram"].pop(), "kilometres: the histogram holds"),
        (lambda told: told["columns"][1]["most_frequent"][0].update(rows=1), "city: 'Lyon' is in"),
    ],
)
def test_every_number_that_differs_is_named(told, change, said):
    change(told)
    assert any(sentence.startswith(said) for sentence in differences(draw_rides(5, rows=300), told))

"""Statistics of dates: of days, and of ten rows or more."""

import datetime as dt
from array import array

from hypothesis import given
from hypothesis import strategies as st

from sealgrid.shipped_apps.csv_statistics.columns.column import Dates
from sealgrid.shipped_apps.csv_statistics.columns.dates import describe_dates
from sealgrid.shipped_apps.csv_statistics.columns.notes import MIN_ROWS

FIRST = dt.date(2026, 1, 1).toordinal()


def test_a_year_of_days_is_described_by_days():
    described = describe_dates(Dates("day", array("l", range(FIRST, FIRST + 365))))
    assert (described["mean"], described["quantiles"]["0.5"]) == ("2026-07-02", "2026-07-03")
    assert described["deviation_days"] == 105.511
    assert described["histogram"][0]["from"] is None
    assert sum(each["rows"] for each in described["histogram"]) == 365


@given(days=st.lists(st.integers(FIRST, FIRST + 4000), min_size=MIN_ROWS, max_size=200))
def test_each_bin_has_ten_rows_or_none_and_edges_are_days_in_order(days):
    bins = describe_dates(Dates("day", array("l", days)))["histogram"]
    assert all(each["rows"] == 0 or each["rows"] >= MIN_ROWS for each in bins)
    edges = [each["to"] for each in bins[:-1]]
    assert edges == sorted(set(edges)) == [each["from"] for each in bins[1:]]

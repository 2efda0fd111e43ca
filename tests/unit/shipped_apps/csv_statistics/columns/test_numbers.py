"""Statistics of numbers: each bin and each quantile describes ten rows or more."""

from hypothesis import given
from hypothesis import strategies as st

from sealgrid.shipped_apps.csv_statistics.columns.column import Numbers
from sealgrid.shipped_apps.csv_statistics.columns.notes import MIN_ROWS
from sealgrid.shipped_apps.csv_statistics.columns.numbers import MAX_BINS, describe_numbers, quantile, quantile_shares

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


@given(values=st.lists(NUMBERS, min_size=MIN_ROWS, max_size=300))
def test_every_bin_has_ten_rows_or_none_and_together_they_have_all(values):
    described = describe_numbers(Numbers("x", values))
    rows = [each["rows"] for each in described["histogram"]]
    assert sum(rows) == len(values)
    assert all(count == 0 or count >= MIN_ROWS for count in rows)
    assert len(rows) <= MAX_BINS
    edges = [each["to"] for each in described["histogram"][:-1]]
    assert edges == [each["from"] for each in described["histogram"][1:]]


@given(count=st.integers(MIN_ROWS, 2000))
def test_windows_of_quantiles_never_overlap_and_leave_ten_rows_or_none_outside(count):
    covered: set[int] = set()
    for share in quantile_shares(count):
        first = round(quantile(range(count), share) - (MIN_ROWS - 1) / 2)
        window = set(range(first, first + MIN_ROWS))
        assert min(window) >= 0
        assert max(window) < count
        assert not window & covered
        covered |= window
    assert count - len(covered) >= MIN_ROWS

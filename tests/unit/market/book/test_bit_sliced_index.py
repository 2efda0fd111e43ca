"""Comparisons by bitmaps of binary digits, against comparisons row by row."""

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from sealgrid.market.book.bit_sliced_index import BitSlicedIndex

DIGITS = 53
small = st.integers(0, 7) | st.integers(0, 2**DIGITS - 2)
numbers = small | st.sampled_from([2**DIGITS - 1, 2**DIGITS, 2**200, 2**256 - 1])
rows = st.dictionaries(st.integers(0, 30), numbers)


@given(rows, st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)), small)
def test_a_query_finds_what_a_scan_of_all_numbers_finds(
    stored: dict[int, int], dropped: set[int], among: set[int], bound: int
) -> None:
    digits = BitSlicedIndex(DIGITS)
    for row, number in stored.items():
        digits.put(row, number)
    for row in dropped & stored.keys():
        digits.drop(row, stored[row])
    expected = {
        row: min(number, 2**DIGITS - 1) for row, number in stored.items() if row not in dropped and row in among
    }
    rows_among = BitMap(expected)
    assert set(digits.at_least(bound, rows_among)) == {row for row, number in expected.items() if number >= bound}
    assert set(digits.with_all_bits(bound, rows_among)) == {
        row for row, number in expected.items() if not bound & ~number
    }
    assert set(digits.with_only_bits(bound, rows_among)) == {
        row for row, number in expected.items() if not number & ~bound
    }
    assert rows_among == BitMap(expected)


@given(rows)
def test_dropped_rows_leave_nothing_behind(stored: dict[int, int]) -> None:
    digits = BitSlicedIndex(DIGITS)
    for row, number in stored.items():
        digits.put(row, number)
    for row, number in stored.items():
        digits.drop(row, number)
    assert not digits._rows

"""Rows compared by bitmaps of binary digits, against rows compared one after the other."""

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from sealgrid.market.book.bit_sliced_index import BitSlicedIndex

MOST = 53
small = st.integers(0, 7) | st.integers(0, 2**MOST - 2)
numbers = small | st.sampled_from([2**MOST - 1, 2**MOST, 2**200, 2**256 - 1])
rows = st.dictionaries(st.integers(0, 30), numbers)


@given(rows, st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)), small)
def test_what_is_found_is_what_a_look_at_every_number_finds(
    filed: dict[int, int], dropped: set[int], among: set[int], asked: int
) -> None:
    digits = BitSlicedIndex(MOST)
    for row, number in filed.items():
        digits.put(row, number)
    for row in dropped & filed.keys():
        digits.drop(row, filed[row])
    left = {row: min(number, 2**MOST - 1) for row, number in filed.items() if row not in dropped and row in among}
    looked = BitMap(left)
    assert set(digits.at_least(asked, looked)) == {row for row, number in left.items() if number >= asked}
    assert set(digits.with_all_bits(asked, looked)) == {row for row, number in left.items() if not asked & ~number}
    assert set(digits.with_only_bits(asked, looked)) == {row for row, number in left.items() if not number & ~asked}
    assert looked == BitMap(left)


@given(rows)
def test_what_was_dropped_leaves_nothing_behind(filed: dict[int, int]) -> None:
    digits = BitSlicedIndex(MOST)
    for row, number in filed.items():
        digits.put(row, number)
    for row, number in filed.items():
        digits.drop(row, number)
    assert not digits._rows

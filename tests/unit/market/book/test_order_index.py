"""The index of open orders: rank, replaced entries and reused rows. Filters are tested with the order book."""

from sealgrid.market.book.order_index import AtMostFilter, IndexEntry, OneOfFilter, OrderIndex
from tests.unit.market.market_orders import hash_of


def entry(number: int, price: int, app: str = "a") -> IndexEntry:
    return IndexEntry(hash_of(number), (price, 0, hash_of(number)), {"app": app, "trust": price})


def index_with(*entries: IndexEntry) -> OrderIndex:
    index = OrderIndex(("app", "trust"), {"trust": 53})
    for each in entries:
        index.put(each)
    return index


def test_a_page_is_ordered_by_rank_and_counts_all_matches():
    index = index_with(entry(1, 7), entry(2, 3), entry(3, 5), entry(4, 1, "b"))
    assert index.find((OneOfFilter("app", ("a",)),), start=1, size=1) == (3, [hash_of(3)])
    assert index.find((AtMostFilter("trust", 3),), start=0, size=9) == (2, [hash_of(4), hash_of(2)])


def test_a_replaced_entry_has_only_its_new_fields():
    index = index_with(entry(1, 7), entry(1, 2, "b"))
    assert len(index) == 1
    assert index.find((OneOfFilter("app", ("a",)),), start=0, size=9) == (0, [])
    assert index.find((OneOfFilter("app", ("b",)),), start=0, size=9) == (1, [hash_of(1)])


def test_a_dropped_order_leaves_nothing_and_its_row_is_reused():
    index = index_with(entry(1, 7), entry(2, 3))
    index.drop(hash_of(1))
    index.drop(hash_of(1))
    assert index.get(hash_of(1)) is None
    index.put(entry(3, 9, "c"))
    assert index.find((), start=0, size=9) == (2, [hash_of(2), hash_of(3)])
    assert index.find((OneOfFilter("app", ("a",)),), start=0, size=9) == (1, [hash_of(2)])

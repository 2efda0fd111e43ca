"""Offers: the oldest open order of each, and its members."""

from sealgrid.market.book.offer_groups import OfferGroups
from tests.unit.market.market_orders import hash_of

ONE, TWO, THREE = (hash_of(number) for number in (1, 2, 3))


def groups_with(*orders: tuple[int, str]) -> OfferGroups:
    groups = OfferGroups()
    for published_at, order in orders:
        groups.add("terms", published_at, order)
    return groups


def test_the_first_order_of_an_offer_is_the_oldest_that_is_left():
    groups = groups_with((30, ONE), (10, TWO), (20, THREE))
    assert groups.first("terms") == TWO
    groups.drop("terms", TWO)
    assert groups.first("terms") == THREE
    assert set(groups.members("terms")) == {ONE, THREE}


def test_an_order_that_is_added_twice_is_dropped_at_once():
    groups = groups_with((10, ONE), (10, ONE))
    groups.drop("terms", ONE)
    assert groups.first("terms") is None
    assert not groups._members
    assert not groups._oldest


def test_an_unknown_offer_has_no_order():
    assert OfferGroups().first("terms") is None
    assert list(OfferGroups().members("terms")) == []

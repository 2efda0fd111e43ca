"""An offer is signed as several equal orders, none of them too small to be of use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import InputRefused
from sealgrid.poco.orders import DatasetOrder
from sealgrid.sdk.operations.orders import DEFAULT_ORDERS, MAX_ORDERS, MIN_VOLUME, count_offers, on_terms_of, volumes_of
from sealgrid.units import to_address


@given(uses=st.integers(1, 2**40), orders=st.integers(1, MAX_ORDERS), at_least=st.integers(1, 50))
def test_all_uses_are_sold_in_nearly_equal_parts(uses: int, orders: int, at_least: int) -> None:
    volumes = volumes_of(uses, orders, at_least=at_least)
    assert sum(volumes) == uses
    assert 1 <= len(volumes) <= orders
    assert max(volumes) - min(volumes) <= 1
    assert len(volumes) == 1 or min(volumes) >= at_least


@pytest.mark.parametrize(("uses", "parts"), [(1, 1), (19, 1), (20, 2), (1000, 10), (1_000_000, 10)])
def test_by_default_one_deal_takes_a_tenth_of_a_large_offer(uses: int, parts: int) -> None:
    assert len(volumes_of(uses, DEFAULT_ORDERS, at_least=MIN_VOLUME)) == parts


@pytest.mark.parametrize("orders", [0, MAX_ORDERS + 1])
def test_an_offer_is_one_to_a_hundred_orders(orders: int) -> None:
    with pytest.raises(InputRefused, match=f"1 to {MAX_ORDERS} orders"):
        volumes_of(100, orders)


def test_orders_on_equal_terms_are_one_offer_and_others_are_not() -> None:
    one = DatasetOrder(dataset=to_address(b"\1" * 20), datasetprice=3, volume=5, sign=b"signed")
    orders = [one, on_terms_of(one, volume=9), on_terms_of(one, datasetprice=4)]
    assert count_offers(orders) == 2
    assert len({order.salt for order in orders}) == 3
    assert all(order.sign == b"" for order in orders[1:])

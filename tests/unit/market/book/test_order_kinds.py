"""The kinds of orders: asset, price and the escrow that one task takes."""

import pytest

from sealgrid.errors import OrderMalformed
from sealgrid.market.book.order_kinds import KINDS, asset_of, money_for_one, price_of
from sealgrid.poco.constants import pool_stake
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, WorkerpoolOrder, to_document
from tests.unit.market.market_orders import APP, BERT, MODEL, POOL, request

ORDERS: list[Order] = [
    AppOrder(app=APP, appprice=2),
    DatasetOrder(dataset=MODEL, datasetprice=3, volume=1),
    WorkerpoolOrder(workerpool=POOL, workerpoolprice=400),
    request(50, appmaxprice=2, datasetmaxprice=3),
]


def test_each_order_has_its_asset_its_price_and_its_escrow():
    assert [asset_of(order) for order in ORDERS] == [APP, MODEL, POOL, BERT]
    assert [price_of(order) for order in ORDERS] == [2, 3, 400, 50]
    assert [money_for_one(order) for order in ORDERS] == [0, 0, pool_stake(400), 55]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.kind)
def test_a_kind_parses_its_own_orders_only(order: Order):
    assert KINDS[order.kind].read(to_document(order)) == order
    others = [rules for kind, rules in KINDS.items() if kind != order.kind]
    for rules in others:
        with pytest.raises(OrderMalformed):
            rules.read(to_document(order))


def test_every_restriction_and_equal_filter_is_a_field_of_the_order():
    for order in ORDERS:
        rules = KINDS[order.kind]
        for field in (*rules.equal, *rules.restrict.values(), rules.asset):
            assert hasattr(order, field)

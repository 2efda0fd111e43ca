"""PoCo's orders and their JSON form."""

import pytest
from hypothesis import given

from sealgrid.crypto.digests import keccak256
from sealgrid.errors import OrderRefused
from sealgrid.poco.orders import (
    AppOrder,
    DatasetOrder,
    Order,
    RequestOrder,
    WorkerpoolOrder,
    from_document,
    to_document,
)
from sealgrid.poco.typed_data import sign_order
from sealgrid.units import Address
from tests.unit.poco.order_scene import DOMAIN, KEY, KINDS, orders

PUBLISHED = {AppOrder: "60815a0e", DatasetOrder: "6cfc932a", WorkerpoolOrder: "aa3429fb", RequestOrder: "f24e8530"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_type_hash_is_the_published_one(kind: type[Order]) -> None:
    text = f"{kind.__name__}({','.join(f'{solidity} {name}' for solidity, name in kind.TYPES)})"
    assert keccak256(text.encode()).hex().startswith(PUBLISHED[kind])


@given(order=orders)
def test_an_order_survives_the_market(order: Order) -> None:
    signed = sign_order(order, DOMAIN, KEY)
    assert from_document(type(order), to_document(signed)) == signed


def test_addresses_are_read_in_any_letter_case() -> None:
    document = to_document(AppOrder(app=Address("0x" + "ab" * 20)))
    upper_case = document | {"app": "0x" + "AB" * 20}
    assert from_document(AppOrder, upper_case) == from_document(AppOrder, document)


@pytest.mark.parametrize(
    "change",
    [
        {"app": "0x12"},
        {"appprice": "-1"},
        {"appprice": "1e3"},
        {"appprice": "0x10"},
        {"appprice": "²"},
        {"appprice": str(2**256)},
        {"appprice": "9" * 5000},
        {"salt": "0x00"},
        {"sign": "0xzz"},
        {"extra": "1"},
    ],
)
def test_an_order_that_cannot_be_read_is_refused(change: dict[str, str]) -> None:
    document = to_document(AppOrder(app=Address("0x" + "ab" * 20)))
    with pytest.raises(OrderRefused):
        from_document(AppOrder, document | change)


def test_an_order_with_a_missing_field_is_refused() -> None:
    document = to_document(AppOrder(app=Address("0x" + "ab" * 20)))
    del document["salt"]
    with pytest.raises(OrderRefused, match="salt"):
        from_document(AppOrder, document)


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        (AppOrder(app=KEY.address, appprice=4, sign=b"s"), "apporders"),
        (DatasetOrder(dataset=KEY.address, datasetprice=4, sign=b"s"), "datasetorders"),
        (WorkerpoolOrder(workerpool=KEY.address, workerpoolprice=4, sign=b"s"), "workerpoolorders"),
    ],
)
def test_an_order_names_its_kind_its_asset_and_its_price(
    order: AppOrder | DatasetOrder | WorkerpoolOrder, kind: str
) -> None:
    assert (order.kind, order.asset, order.price) == (kind, KEY.address, 4)
    again = order.with_price(7)
    assert (again.price, again.sign, again.asset) == (7, b"", KEY.address)

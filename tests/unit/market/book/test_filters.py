"""Query parameters: which orders each filter of a kind selects, and malformed values."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from sealgrid.chain.events import AssetTransferred
from sealgrid.errors import InputRefused
from sealgrid.market.book import filters
from sealgrid.market.book.order_book import OrderBook
from sealgrid.market.book.order_kinds import KINDS, asset_of
from sealgrid.poco.orders import BULK_VOLUME, AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder
from sealgrid.units import ZERO_ADDRESS, Address, to_address
from sealgrid.wire.market import Kind
from tests.unit.market.market_orders import (
    ANNA,
    APP,
    BERT,
    MODEL,
    POOL,
    REGISTRIES,
    at_block,
    funded_ledger,
    hash_of,
    published_order,
)

OTHER = to_address(b"\x09" * 20)  #: Bert's asset, in every registry
ONE, TWO = ANNA, BERT  #: parties in restrictions
PLAIN: dict[Kind, Order] = {
    "apporders": AppOrder(app=APP),
    "datasetorders": DatasetOrder(dataset=MODEL, volume=1),
    "workerpoolorders": WorkerpoolOrder(workerpool=POOL),
    "requestorders": RequestOrder(app=APP, requester=ANNA, beneficiary=ANNA),
}
PAGES = ("page", "pageIndex", "pageSize")


@dataclass(frozen=True)
class Case:
    """A query and the positions of the orders that it finds."""

    params: dict[str, str]
    orders: list[Order]
    found: list[int]


def cases(kind: Kind, name: str) -> Iterator[Case]:
    rules = KINDS[kind]
    restricted = {spelled: by for by in rules.restrict for spelled in (by, strict(by))}
    if name in restricted:
        yield from restrictions(kind, restricted[name])
    elif name in rules.equal:
        yield from equals(kind, name)
    elif name in map(strict, rules.strict):
        yield from ((Case({name: each}, [PLAIN[kind]], [0])) for each in ("true", "false"))
    else:
        yield from BOUNDS[name](kind)


def strict(name: str) -> str:
    return f"is{name.capitalize()}Strict"


def restrictions(kind: Kind, by: str) -> Iterator[Case]:
    plain, field = PLAIN[kind], KINDS[kind].restrict[by]
    orders = [plain, with_(plain, **{field: ONE}), with_(plain, **{field: TWO})]
    yield Case({}, orders, [0])
    yield Case({by: ONE}, orders, [0, 1])
    yield Case({by: "any"}, orders, [0, 1, 2])
    yield Case({by: ONE, strict(by): "true"}, orders, [1])
    yield Case({by: ONE, strict(by): "false"}, orders, [0, 1])


def equals(kind: Kind, name: str) -> Iterator[Case]:
    plain = PLAIN[kind]
    other = 1 if name == "category" else TWO if kind == "requestorders" else OTHER
    orders = [plain, with_(plain, **{name: other})]
    yield Case({name: str(getattr(plain, name))}, orders, [0])
    yield Case({name: str(other)}, orders, [1])
    if name != "category":
        yield Case({name: "any"}, orders, [0, 1])


def owners(kind: Kind) -> Iterator[Case]:
    rules = KINDS[kind]
    orders = [PLAIN[kind], with_(PLAIN[kind], **{rules.asset: OTHER})]
    yield Case({rules.owner: ANNA}, orders, [0])
    yield Case({rules.owner: BERT}, orders, [1])


def tags(kind: Kind) -> Iterator[Case]:
    orders = [with_(PLAIN[kind], tag=hash_of(tag)) for tag in (0, 1, 3, 4)]
    for tag, found in ((0, [0, 1, 2, 3]), (1, [1, 2]), (3, [2])):
        yield Case({"minTag": hash_of(tag)}, orders, found)
    for tag, found in ((0, [0]), (1, [0, 1]), (3, [0, 1, 2]), (7, [0, 1, 2, 3])):
        yield Case({"maxTag": hash_of(tag)}, orders, found)
    yield Case({"minTag": hash_of(1), "maxTag": hash_of(1)}, orders, [1])


def volumes(kind: Kind) -> Iterator[Case]:
    orders = [with_(PLAIN[kind], volume=volume) for volume in (1, 2, 2**200)]
    for minimum, found in ((1, [0, 1, 2]), (2, [1, 2]), (3, [2])):
        yield Case({"minVolume": str(minimum)}, orders, found)


def trusts(kind: Kind) -> Iterator[Case]:
    orders = [with_(PLAIN[kind], trust=trust) for trust in (0, 1, 5)]
    if kind == "workerpoolorders":
        for minimum, found in ((0, [0, 1, 2]), (2, [2]), (5, [2]), (6, [])):
            yield Case({"minTrust": str(minimum)}, orders, found)
    else:
        for maximum, found in ((0, [0]), (1, [0, 1]), (4, [0, 1]), (5, [0, 1, 2])):
            yield Case({"maxTrust": str(maximum)}, orders, found)


def bulks(kind: Kind) -> Iterator[Case]:
    orders = [with_(PLAIN[kind], volume=BULK_VOLUME, datasetprice=price) for price in (0, 1)] + [PLAIN[kind]]
    yield Case({"bulkOnly": "true"}, orders, [0])
    yield Case({"bulkOnly": "false"}, orders, [0, 1, 2])


BOUNDS = {
    "appOwner": owners,
    "datasetOwner": owners,
    "workerpoolOwner": owners,
    "minTag": tags,
    "maxTag": tags,
    "minVolume": volumes,
    "minTrust": trusts,
    "maxTrust": trusts,
    "bulkOnly": bulks,
}


def with_(order: Order, **fields: Any) -> Order:
    return msgspec.structs.replace(order, **fields)


def book_of(kind: Kind, orders: list[Order]) -> OrderBook:
    ledger = funded_ledger()
    ledger.apply(
        AssetTransferred(registry=each, asset=OTHER, sender=ZERO_ADDRESS, receiver=BERT, **at_block(0))
        for each in REGISTRIES
    )
    book = OrderBook(ledger)
    for number, order in enumerate(orders, start=1):
        book.publish(published_order(order, number, signer=signer_of(kind, order), at=number))
    return book


def signer_of(kind: Kind, order: Order) -> Address:
    asset = asset_of(order)
    return asset if kind == "requestorders" else BERT if asset == OTHER else ANNA


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in KINDS for name in filters.order_parameters(kind) if name not in (*PAGES, "grouped")],
)
def test_a_filter_selects_the_orders_that_fulfil_it(kind: Kind, name: str) -> None:
    scope = {KINDS[kind].asset: "any"} if kind in ("apporders", "datasetorders") else {}
    for case in cases(kind, name):
        book, query = book_of(kind, case.orders), filters.parse_order_query(kind, scope | case.params)
        _, found = book.find(kind, query.filters, start=0, size=100)
        assert sorted(int(each.order_hash, 16) - 1 for each in found) == case.found, case.params


def test_a_grouped_query_has_no_minimum_volume() -> None:
    with pytest.raises(InputRefused, match="minVolume applies to single orders"):
        filters.parse_order_query("apporders", {"app": APP, "grouped": "true", "minVolume": "2"})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "app or appOwner is required"),
        ({"app": "0x12"}, "app is not a valid address"),
        ({"app": "any", "minTag": "0x12"}, "minTag is not a valid bytes32"),
        ({"app": "any", "minVolume": "0"}, "minVolume must be greater than or equal to 1"),
        ({"app": "any", "minVolume": "1e3"}, "minVolume is a whole number"),
        ({"app": "any", "isRequesterStrict": "maybe"}, "isRequesterStrict must be a `boolean` type"),
        ({"app": "any", "pageSize": "9"}, "pageSize must be greater than or equal to 10"),
        ({"app": "any", "colour": "red"}, "cannot be filtered by colour"),
    ],
)
def test_an_invalid_parameter_is_refused(params: dict[str, str], message: str) -> None:
    with pytest.raises(InputRefused, match=message):
        filters.parse_order_query("apporders", params)


def test_a_deal_query_has_its_conditions_and_page() -> None:
    assert filters.parse_deal_query({"category": "2", "app": APP, "dataset": "any", "pageIndex": "3"}) == (
        {"category": 2, "app": APP},
        60,
        20,
    )
    with pytest.raises(InputRefused, match="deals cannot be filtered by tag"):
        filters.parse_deal_query({"tag": "1"})


def test_the_last_page_has_no_next_page() -> None:
    assert (filters.next_page(0, 20, 21), filters.next_page(20, 20, 21)) == (20, None)

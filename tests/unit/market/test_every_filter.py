"""Each filter that a kind of orders has, alone: which of a few orders it lets pass. The filters are the code's own list."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from sealgrid.chain.events import AssetTransferred
from sealgrid.market.book import filters
from sealgrid.market.book.order_book import OrderBook
from sealgrid.market.book.order_kinds import KINDS, asset_of
from sealgrid.poco.orders import BULK_VOLUME, AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder
from sealgrid.units import ZERO_ADDRESS, Address, to_address
from sealgrid.wire.market import Kind
from tests.unit.market.market_orders import ANNA, APP, BERT, MODEL, POOL, REGISTRIES, listed, name_of, place, rich

OTHER = to_address(b"\x09" * 20)  #: Bert's; stands in every registry
ONE, TWO = ANNA, BERT  #: whom orders may be for
USUAL: dict[Kind, Order] = {
    "apporders": AppOrder(app=APP),
    "datasetorders": DatasetOrder(dataset=MODEL, volume=1),
    "workerpoolorders": WorkerpoolOrder(workerpool=POOL),
    "requestorders": RequestOrder(app=APP, requester=ANNA, beneficiary=ANNA),
}
PAGES = ("page", "pageIndex", "pageSize")


@dataclass(frozen=True)
class Case:
    """Which of some orders a look finds, by their place in the list."""

    asked: dict[str, str]
    orders: list[Order]
    found: list[int]


def cases(kind: Kind, name: str) -> Iterator[Case]:
    rules = KINDS[kind]
    restricted = {spelled: by for by in rules.restrict for spelled in (by, strict(by))}
    if name in restricted:
        yield from restrictions(kind, restricted[name])
    elif name in rules.equal:
        yield from equals(kind, name)
    else:
        yield from BOUNDS[name](kind)


def strict(name: str) -> str:
    return f"is{name.capitalize()}Strict"


def restrictions(kind: Kind, by: str) -> Iterator[Case]:
    plain, field = USUAL[kind], KINDS[kind].restrict[by]
    orders = [plain, with_(plain, **{field: ONE}), with_(plain, **{field: TWO})]
    yield Case({}, orders, [0])
    yield Case({by: ONE}, orders, [0, 1])
    yield Case({by: "any"}, orders, [0, 1, 2])
    yield Case({by: ONE, strict(by): "true"}, orders, [1])
    yield Case({by: ONE, strict(by): "false"}, orders, [0, 1])


def equals(kind: Kind, name: str) -> Iterator[Case]:
    plain = USUAL[kind]
    other = 1 if name == "category" else TWO if kind == "requestorders" else OTHER
    orders = [plain, with_(plain, **{name: other})]
    yield Case({name: str(getattr(plain, name))}, orders, [0])
    yield Case({name: str(other)}, orders, [1])
    if name != "category":
        yield Case({name: "any"}, orders, [0, 1])


def owners(kind: Kind) -> Iterator[Case]:
    rules = KINDS[kind]
    orders = [USUAL[kind], with_(USUAL[kind], **{rules.asset: OTHER})]
    yield Case({rules.owner: ANNA}, orders, [0])
    yield Case({rules.owner: BERT}, orders, [1])


def tags(kind: Kind) -> Iterator[Case]:
    orders = [with_(USUAL[kind], tag=name_of(tag)) for tag in (0, 1, 3, 4)]
    for tag, found in ((0, [0, 1, 2, 3]), (1, [1, 2]), (3, [2])):
        yield Case({"minTag": name_of(tag)}, orders, found)
    for tag, found in ((0, [0]), (1, [0, 1]), (3, [0, 1, 2]), (7, [0, 1, 2, 3])):
        yield Case({"maxTag": name_of(tag)}, orders, found)
    yield Case({"minTag": name_of(1), "maxTag": name_of(1)}, orders, [1])


def volumes(kind: Kind) -> Iterator[Case]:
    orders = [with_(USUAL[kind], volume=volume) for volume in (1, 2, 2**200)]
    for least, found in ((1, [0, 1, 2]), (2, [1, 2]), (3, [2])):
        yield Case({"minVolume": str(least)}, orders, found)


def trusts(kind: Kind) -> Iterator[Case]:
    orders = [with_(USUAL[kind], trust=trust) for trust in (0, 1, 5)]
    if kind == "workerpoolorders":
        for least, found in ((0, [0, 1, 2]), (2, [2]), (5, [2]), (6, [])):
            yield Case({"minTrust": str(least)}, orders, found)
    else:
        for most, found in ((0, [0]), (1, [0, 1]), (4, [0, 1]), (5, [0, 1, 2])):
            yield Case({"maxTrust": str(most)}, orders, found)


def bulks(kind: Kind) -> Iterator[Case]:
    orders = [with_(USUAL[kind], volume=BULK_VOLUME, datasetprice=price) for price in (0, 1)] + [USUAL[kind]]
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
    ledger = rich()
    ledger.apply(
        AssetTransferred(registry=each, asset=OTHER, sender=ZERO_ADDRESS, receiver=BERT, **place(0))
        for each in REGISTRIES
    )
    book = OrderBook(ledger)
    for number, order in enumerate(orders, start=1):
        book.publish(listed(order, number, signer=signer_of(kind, order), at=number))
    return book


def signer_of(kind: Kind, order: Order) -> Address:
    asset = asset_of(order)
    return asset if kind == "requestorders" else BERT if asset == OTHER else ANNA


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in KINDS for name in filters.order_parameters(kind) if name not in (*PAGES, "grouped")],
)
def test_a_filter_lets_pass_what_it_says(kind: Kind, name: str) -> None:
    whose = {KINDS[kind].asset: "any"} if kind in ("apporders", "datasetorders") else {}
    for case in cases(kind, name):
        book, query = book_of(kind, case.orders), filters.parse_order_query(kind, whose | case.asked)
        _, passed = book.find(kind, query.filters, start=0, size=100)
        assert sorted(int(each.order_hash, 16) - 1 for each in passed) == case.found, case.asked

"""The four kinds of orders: whose they are, what they cost, and by what they are found."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from sealgrid.poco.constants import pool_stake
from sealgrid.poco.matching import Registry
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder, from_document
from sealgrid.units import Address
from sealgrid.wire.market import Kind


class OrderKind(msgspec.Struct, frozen=True, kw_only=True):
    """How the book reads one kind; every name is a field of the order."""

    one: str  #: what iExec calls one of them
    read: Callable[[Mapping[str, object]], Order]  #: from JSON as iExec's market spells it; raises OrderMalformed
    asset: str  #: what is sold; for a request, who buys
    registry: Registry | None  #: who says whose the asset is; a requester is its own
    price: str
    equal: tuple[str, ...]  #: fields that can be filtered by their own name
    restrict: Mapping[str, str]  #: filter → field that must be open to anyone, or to it
    owner: str = ""  #: filter by whoever signed
    trust: str = ""  #: filter by trust: at least, or at most
    offered: bool = False  #: owners sign several on equal terms, which a look may take for one offer


KINDS: Final[dict[Kind, OrderKind]] = {
    "apporders": OrderKind(
        one="apporder",
        read=partial(from_document, AppOrder),
        asset="app",
        registry="App",
        price="appprice",
        equal=("app",),
        restrict={
            "dataset": "datasetrestrict",
            "workerpool": "workerpoolrestrict",
            "requester": "requesterrestrict",
        },
        owner="appOwner",
        offered=True,
    ),
    "datasetorders": OrderKind(
        one="datasetorder",
        read=partial(from_document, DatasetOrder),
        asset="dataset",
        registry="Dataset",
        price="datasetprice",
        equal=("dataset",),
        restrict={"app": "apprestrict", "workerpool": "workerpoolrestrict", "requester": "requesterrestrict"},
        owner="datasetOwner",
        offered=True,
    ),
    "workerpoolorders": OrderKind(
        one="workerpoolorder",
        read=partial(from_document, WorkerpoolOrder),
        asset="workerpool",
        registry="Workerpool",
        price="workerpoolprice",
        equal=("workerpool", "category"),
        restrict={"app": "apprestrict", "dataset": "datasetrestrict", "requester": "requesterrestrict"},
        owner="workerpoolOwner",
        trust="minTrust",
    ),
    "requestorders": OrderKind(
        one="requestorder",
        read=partial(from_document, RequestOrder),
        asset="requester",
        registry=None,
        price="workerpoolmaxprice",
        equal=("app", "dataset", "requester", "beneficiary", "category"),
        restrict={"workerpool": "workerpool"},
        trust="maxTrust",
    ),
}


def asset_of(kind: Kind, order: Order) -> Address:
    """Return what an order sells, or who requests."""
    return Address(getattr(order, KINDS[kind].asset))


def price_of(kind: Kind, order: Order) -> int:
    """Return an order's price in nRLC; for a request, what it pays a pool at most."""
    return int(getattr(order, KINDS[kind].price))


def money_for_one(order: Order) -> int:
    """Return what the order's signer must have in escrow for one task of it, in nRLC: a price, or a stake."""
    match order:
        case RequestOrder():
            return order.appmaxprice + order.datasetmaxprice + order.workerpoolmaxprice
        case WorkerpoolOrder():
            return pool_stake(order.workerpoolprice)
    return 0

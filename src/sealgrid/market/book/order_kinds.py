"""The four kinds of orders: asset, registry, price and filters of each."""

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
    """Description of one kind."""

    one: str  #: iExec's singular name
    read: Callable[[Mapping[str, object]], Order]  #: from JSON as iExec's market spells it; raises OrderMalformed
    asset: str  #: name of the filter by asset; by requester for a request
    registry: Registry | None  #: registry of the asset; None for requests, which belong to the requester
    equal: tuple[str, ...]  #: fields that are filters of the same name
    restrict: Mapping[str, str]  #: filter → restriction field that must be open to anyone, or equal it
    strict: tuple[str, ...] = ()  #: filters that are strict by nature; iExec's clients may say so
    owner: str = ""  #: name of the filter by signer
    trust: str = ""  #: name of the filter by trust: a minimum or a maximum
    offered: bool = False  #: several orders on equal terms can be grouped into one offer


KINDS: Final[dict[Kind, OrderKind]] = {
    "apporders": OrderKind(
        one="apporder",
        read=partial(from_document, AppOrder),
        asset=AppOrder.ASSET_FIELD,
        registry="App",
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
        asset=DatasetOrder.ASSET_FIELD,
        registry="Dataset",
        equal=("dataset",),
        restrict={"app": "apprestrict", "workerpool": "workerpoolrestrict", "requester": "requesterrestrict"},
        owner="datasetOwner",
        offered=True,
    ),
    "workerpoolorders": OrderKind(
        one="workerpoolorder",
        read=partial(from_document, WorkerpoolOrder),
        asset=WorkerpoolOrder.ASSET_FIELD,
        registry="Workerpool",
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
        equal=("app", "dataset", "requester", "beneficiary", "category"),
        restrict={"workerpool": "workerpool"},
        strict=("app", "dataset"),
        trust="maxTrust",
    ),
}


def asset_of(order: Order) -> Address:
    """Return the asset of an order; the requester of a request."""
    return order.requester if isinstance(order, RequestOrder) else order.asset


def price_of(order: Order) -> int:
    """Return an order's price in nRLC; for a request, the most that it pays a pool."""
    return order.workerpoolmaxprice if isinstance(order, RequestOrder) else order.price


def money_for_one(order: Order) -> int:
    """Return the escrow in nRLC that the signer needs for one task of the order: a price or a stake."""
    match order:
        case RequestOrder():
            return order.appmaxprice + order.datasetmaxprice + order.workerpoolmaxprice
        case WorkerpoolOrder():
            return pool_stake(order.workerpoolprice)
    return 0

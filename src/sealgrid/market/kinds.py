"""The four kinds of orders: whose they are, what they cost, and by what they are found."""

from collections.abc import Callable
from functools import partial
from typing import Final, Literal

import msgspec

from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder, from_document
from sealgrid.units import Address
from sealgrid.wire.market import Kind


class KindOfOrder(msgspec.Struct, frozen=True, kw_only=True):
    """How the book reads one kind; every name is a field of the order."""

    read: Callable[[dict[str, str]], Order]  #: from JSON as iExec's market spells it; raises OrderRefused
    asset: str  #: what is sold; for a request, who buys
    registry: Literal["App", "Dataset", "Workerpool"] | None  #: who says whose the asset is; a requester is its own
    price: str
    equal: dict[str, str]  #: filter → field that must equal it
    restrict: dict[str, str]  #: filter → field that must be open to anyone, or to it


KINDS: Final[dict[Kind, KindOfOrder]] = {
    "apporders": KindOfOrder(
        read=partial(from_document, AppOrder),
        asset="app",
        registry="App",
        price="appprice",
        equal={"app": "app"},
        restrict={
            "dataset": "datasetrestrict",
            "workerpool": "workerpoolrestrict",
            "requester": "requesterrestrict",
        },
    ),
    "datasetorders": KindOfOrder(
        read=partial(from_document, DatasetOrder),
        asset="dataset",
        registry="Dataset",
        price="datasetprice",
        equal={"dataset": "dataset"},
        restrict={"app": "apprestrict", "workerpool": "workerpoolrestrict", "requester": "requesterrestrict"},
    ),
    "workerpoolorders": KindOfOrder(
        read=partial(from_document, WorkerpoolOrder),
        asset="workerpool",
        registry="Workerpool",
        price="workerpoolprice",
        equal={"workerpool": "workerpool", "category": "category"},
        restrict={"app": "apprestrict", "dataset": "datasetrestrict", "requester": "requesterrestrict"},
    ),
    "requestorders": KindOfOrder(
        read=partial(from_document, RequestOrder),
        asset="requester",
        registry=None,
        price="workerpoolmaxprice",
        equal={
            "app": "app",
            "dataset": "dataset",
            "requester": "requester",
            "beneficiary": "beneficiary",
            "category": "category",
        },
        restrict={"workerpool": "workerpool"},
    ),
}


def asset_of(kind: Kind, order: Order) -> Address:
    """Return what an order sells, or who requests."""
    return Address(getattr(order, KINDS[kind].asset))


def price_of(kind: Kind, order: Order) -> int:
    """Return an order's price in nRLC; for a request, what it pays a pool at most."""
    return int(getattr(order, KINDS[kind].price))

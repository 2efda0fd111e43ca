"""What is for sale: the open offers of apps and models, read from the market and the chain."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sealgrid.chain.assets import Assets
from sealgrid.poco.orders import AppOrder, DatasetOrder, from_document, terms_of
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.key_versions import (
    KeyVersionView,
    came_by_iexec,
    opened_in,
    unopened_in,
    versions_in,
    views_of,
)
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId
from sealgrid.wire.market import OpenOrder

Kind = Literal["App", "Dataset"]
_PAGE = 1000


class HasAddress(Protocol):
    """Anything with an address: what ``deploy``, ``publish``, ``list`` and ``show`` return."""

    @property
    def address(self) -> Address:
        """Where it stands on the chain."""


Named = str | HasAddress  #: an app or model, by address, by name, or as it was returned


@dataclass(frozen=True, slots=True)
class Offer:
    """Uses that can be bought now, on equal terms: one signed order, or several."""

    address: Address  #: of the app or model
    name: str  #: as its owner calls it; anybody may take any name
    owner: Address
    digest: Digest  #: an app's code, or a model's sealed file
    price: Amount  #: per use
    uses: int  #: that are left, in all its orders
    app: Address | None  #: the only app that a model is offered to; None for any that its owner's policy allows
    buyer: Address | None  #: the only account that may buy, or the AccessPolicy that says who may; None for everybody
    presigned: bool  #: its owner signed it by a transaction; no signature is needed
    pools: Address | None = None  #: the only pool, or the group of pools, where it can be used; None for any
    orders: int = 1  #: that it was signed as; one deal takes uses of one of them


@dataclass(frozen=True, slots=True)
class Listing:
    """An app or a model, and the offers of it, the cheapest first."""

    address: Address
    name: str
    owner: Address
    digest: Digest  #: an app's code, or a model's sealed file
    location: str  #: where the bundle or the sealed file is said to be
    offers: tuple[Offer, ...]
    versions: tuple[KeyVersionView, ...] = ()  #: of a model's key, oldest first, as its vaults tell
    iexec_compatible: bool = False  #: its key came by iExec's route: no policy, but orders that name exactly one app
    unopened: TaskId | None = None  #: of a buyer for whom a model's file did not open with its newest key
    opened: TaskId | None = None  #: in which an enclave opened a model's file with its newest key


@dataclass(frozen=True, slots=True)
class PublishedListing(Listing):
    """A listing that was just made."""

    warning: str = ""  #: show it to the owner; empty where enclaves are real


async def open_offers(conn: Connection, kind: Kind, asset: Address | None = None) -> tuple[Offer, ...]:
    """Return every open offer of a kind, or of one asset, whomever it is restricted to; the cheapest first."""
    assets, offers = Assets(conn.hub), defaultdict(list)
    for each in await open_orders(conn, kind, asset):
        offers[each.owner, each.presigned, terms_of(_order(kind, each))].append(each)
    return tuple([await _offer(assets, kind, equal) for equal in offers.values()])


async def open_orders(conn: Connection, kind: Kind, asset: Address | None = None) -> tuple[OpenOrder, ...]:
    """Return the open orders behind the offers."""
    filters = {"workerpool": "any", "requester": "any", ("dataset" if kind == "App" else "app"): "any"}
    filters[kind.lower()] = asset or "any"
    found: list[OpenOrder] = []
    while True:
        page = await conn.market.orders(
            "apporders" if kind == "App" else "datasetorders",
            pageIndex=str(len(found) // _PAGE),
            pageSize=str(_PAGE),
            **filters,
        )
        found += page
        if len(page) < _PAGE:
            return tuple(found)


async def listing_of(conn: Connection, kind: Kind, asset: Address) -> Listing:
    """Return what the chain and the market know of an asset."""
    assets = Assets(conn.hub)
    owner = await assets.owner(asset)
    views = await views_of(conn, asset, owner) if kind == "Dataset" else ()
    return Listing(
        address=asset,
        name=await assets.name(kind, asset),
        owner=owner,
        digest=await assets.checksum(kind, asset),
        location=await assets.multiaddr(kind, asset),
        offers=await open_offers(conn, kind, asset),
        versions=versions_in(views),
        iexec_compatible=came_by_iexec(views),
        unopened=unopened_in(views),
        opened=opened_in(views),
    )


async def _offer(assets: Assets, kind: Kind, equal: Sequence[OpenOrder]) -> Offer:
    order = _order(kind, equal[0])
    address, price, app = (
        (order.app, order.appprice, ZERO_ADDRESS)
        if isinstance(order, AppOrder)
        else (order.dataset, order.datasetprice, order.apprestrict)
    )
    return Offer(
        address=address,
        name=await assets.name(kind, address),
        owner=equal[0].owner,
        digest=await assets.checksum(kind, address),
        price=Amount(price),
        uses=sum(each.left for each in equal),
        presigned=equal[0].presigned,
        app=_only(app),
        buyer=_only(order.requesterrestrict),
        pools=_only(order.workerpoolrestrict),
        orders=len(equal),
    )


def _order(kind: Kind, found: OpenOrder) -> AppOrder | DatasetOrder:
    if kind == "App":
        return from_document(AppOrder, found.order)
    return from_document(DatasetOrder, found.order)


def _only(restriction: Address) -> Address | None:
    return None if restriction == ZERO_ADDRESS else restriction

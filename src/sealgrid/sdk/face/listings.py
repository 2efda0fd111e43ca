"""What is for sale: the open offers of apps and models, read from the market and the chain."""

from dataclasses import dataclass
from typing import Literal, Protocol

from sealgrid.chain.assets import Assets
from sealgrid.poco.orders import AppOrder, DatasetOrder, from_document
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.versions import Version, came_by_iexec, versions_in, views_of
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.wire.market import OpenOrder

Kind = Literal["App", "Dataset"]
_PAGE = 1000


class Addressed(Protocol):
    """Anything with an address: what ``deploy``, ``publish``, ``list`` and ``show`` return."""

    @property
    def address(self) -> Address:
        """Where it stands on the chain."""


Named = str | Addressed  #: an app or model, by address, by name, or as it was returned


@dataclass(frozen=True, slots=True)
class Offer:
    """A signed order that can be matched now."""

    address: Address  #: of the app or model
    name: str  #: as its owner calls it; anybody may take any name
    owner: Address
    digest: Digest  #: an app's code, or a model's sealed file
    price: Amount  #: per use
    uses: int  #: that are left
    app: Address | None  #: the only app that a model is offered to; None for any that its owner's policy allows
    buyer: Address | None  #: the only account that may buy, or the AccessPolicy that says who may; None for everybody
    presigned: bool  #: its owner signed it by a transaction; no signature is needed


@dataclass(frozen=True, slots=True)
class Listing:
    """An app or a model, and the offers of it, the cheapest first."""

    address: Address
    name: str
    owner: Address
    digest: Digest  #: an app's code, or a model's sealed file
    location: str  #: where the bundle or the sealed file is said to be
    offers: tuple[Offer, ...]
    versions: tuple[Version, ...] = ()  #: of a model's key, oldest first, as its vaults tell
    iexec_compatible: bool = False  #: its key came by iExec's route: no policy, but orders that name exactly one app


@dataclass(frozen=True, slots=True)
class Published(Listing):
    """A listing that was just made."""

    warning: str = ""  #: show it to the owner; empty where enclaves are real


async def open_offers(conn: Connection, kind: Kind, asset: Address | None = None) -> tuple[Offer, ...]:
    """Return every open offer of a kind, or of one asset, whomever it is restricted to; the cheapest first."""
    assets = Assets(conn.hub)
    return tuple([await _offer(assets, kind, order) for order in await open_orders(conn, kind, asset)])


async def open_orders(conn: Connection, kind: Kind, asset: Address | None = None) -> tuple[OpenOrder, ...]:
    """Return the open orders behind the offers."""
    filters = {"workerpool": "any", "requester": "any", ("dataset" if kind == "App" else "app"): "any"}
    filters[kind.lower()] = asset or "any"
    found: list[OpenOrder] = []
    while True:
        page = await conn.market.orders(
            "apporders" if kind == "App" else "datasetorders",
            pageIndex=str(len(found) // _PAGE), pageSize=str(_PAGE), **filters,
        )  # fmt: skip
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
    )


async def _offer(assets: Assets, kind: Kind, found: OpenOrder) -> Offer:
    address, price, app, buyer = terms_of(kind, found)
    return Offer(
        address=address,
        name=await assets.name(kind, address),
        owner=found.owner,
        digest=await assets.checksum(kind, address),
        price=Amount(price),
        uses=found.left,
        presigned=found.presigned,
        app=_only(app),
        buyer=_only(buyer),
    )


def terms_of(kind: Kind, found: OpenOrder) -> tuple[Address, int, Address, Address]:
    """Return what an order sells: the asset, nRLC for each use, and the only app and buyer, zero for any."""
    if kind == "App":
        order = from_document(AppOrder, found.order)
        return order.app, order.appprice, ZERO_ADDRESS, order.requesterrestrict
    model = from_document(DatasetOrder, found.order)
    return model.dataset, model.datasetprice, model.apprestrict, model.requesterrestrict


def _only(restriction: Address) -> Address | None:
    return None if restriction == ZERO_ADDRESS else restriction

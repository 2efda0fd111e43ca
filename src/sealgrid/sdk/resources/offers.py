"""Open offers of apps and models, read from the market and the chain."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from sealgrid.bundle.model_signature import ModelSignature
from sealgrid.chain.assets import Assets
from sealgrid.poco.orders import AppOrder, DatasetOrder, from_document, terms_of
from sealgrid.poco.tags import is_tee
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.asset_facts import AssetFacts, AssetKind
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.key_versions import (
    KeyVersionView,
    is_iexec_key,
    key_versions,
    opened_task,
    unopened_task,
    views_of,
)
from sealgrid.sdk.operations.latest_runs import LISTED_TASKS, LatestRuns, Party, latest_runs
from sealgrid.sdk.operations.release_marks import ReleaseMark, released_apps
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId
from sealgrid.wire.market import OpenOrder

_PAGE = 1000
_CONCURRENT_LISTINGS: Final = 4
_PARTY: Final[dict[AssetKind, Party]] = {"App": "app", "Dataset": "dataset"}
_ORDER: Final[dict[AssetKind, type[AppOrder | DatasetOrder]]] = {"App": AppOrder, "Dataset": DatasetOrder}


class HasAddress(Protocol):
    """An object with an address, such as ``deploy``, ``publish``, ``list`` and ``show`` return."""

    @property
    def address(self) -> Address:
        """The address on the chain."""


AssetRef = str | HasAddress  #: an app or model: its address, its name, or an object with its address


@dataclass(frozen=True, slots=True)
class Offer:
    """Uses that can be bought now on equal terms, signed as one or several orders."""

    address: Address  #: of the app or model
    name: str  #: chosen by its owner; names are not unique
    owner: Address
    digest: Digest  #: an app's code, or a model's sealed file
    price: Amount  #: per use
    uses: int  #: remaining, in all its orders
    app: Address | None  #: the only app that may use a model; None for every app that its policy allows
    buyer: Address | None  #: the only account that may buy, or an AccessPolicy; None for everybody
    presigned: bool  #: signed by a transaction instead of a signature
    pools: Address | None = None  #: the only pool or group of pools where it is valid; None for any
    orders: int = 1  #: number of orders; one deal consumes uses of one order
    release: ReleaseMark | None = None  #: of a shipped app or one of its name, in ``apps.list`` and ``apps.show``
    tee: bool = True  #: of an app: whether its runs are in an enclave; else their input and result are public
    runs: LatestRuns | None = None  #: how the latest runs of the app or model ended, in a ``list`` with ``runs``


@dataclass(frozen=True, slots=True)
class Listing:
    """An app or a model with its offers, cheapest first."""

    address: Address
    name: str
    owner: Address
    digest: Digest  #: an app's code, or a model's sealed file
    location: str  #: URI of the bundle or the sealed file, as its owner states it
    offers: tuple[Offer, ...]
    versions: tuple[KeyVersionView, ...] = ()  #: of a model's key, oldest first, from its vaults
    iexec_compatible: bool = False  #: its key came through iExec's SMS API: no policy, but orders that name one app
    unopened: TaskId | None = None  #: a task in which the file did not open with the newest key
    opened: TaskId | None = None  #: a task in which an enclave opened the file with the newest key
    signature: ModelSignature | None = None  #: a model's inputs and outputs, in the answer of ``models.show``
    release: ReleaseMark | None = None  #: of a shipped app, or of one of its name
    changelog: str = ""  #: Markdown of an app's developer, in the answer of ``apps.show``
    newer: Offer | None = (
        None  #: of the newest version by the same owner, in the answer of ``show``; None if it is this
    )


@dataclass(frozen=True, slots=True)
class PublishedListing(Listing):
    """The listing of a model that was just published."""

    warning: str = ""  #: for the owner; empty where enclaves are real
    expiry: int = 0  #: Unix seconds at which the policy ends, and with it every sale and grant
    uses_per_requester_hour: int = 0  #: limit of the policy for each account
    notices: tuple[str, ...] = ()  #: sentences for the owner on what was checked before it was sealed


async def open_offers(
    conn: Connection, kind: AssetKind, asset: Address | None = None, *, owner: Address | None = None
) -> tuple[Offer, ...]:
    """Return all open offers of a kind, of one asset or one owner, cheapest first, including those for other buyers."""
    equal = defaultdict(list)
    for each in await open_orders(conn, kind, asset, owner=owner):
        document = each.order
        order = from_document(AppOrder, document) if kind == "App" else from_document(DatasetOrder, document)
        equal[each.owner, each.presigned, terms_of(order)].append((each, order))
    assets = sorted({order.asset for ((_, order), *_) in equal.values()})
    facts = dict(
        zip(assets, await asyncio.gather(*(conn.asset_facts.read(kind, each) for each in assets)), strict=True)
    )
    return tuple([_offer(orders, facts[orders[0][1].asset]) for orders in equal.values()])


async def with_release_marks(conn: Connection, offers: Sequence[Offer]) -> tuple[Offer, ...]:
    """Return offers of apps with their marks; building the shipped apps takes about a second, once for a process."""
    released = await asyncio.to_thread(released_apps, conn.network.python)
    return tuple(replace(offer, release=released.mark(offer.digest, offer.name)) for offer in offers)


async def with_latest_runs(conn: Connection, kind: AssetKind, offers: Sequence[Offer]) -> tuple[Offer, ...]:
    """Return offers with the ends and durations of the latest 20 runs of each app or model, by verified receipts."""
    limit = asyncio.Semaphore(_CONCURRENT_LISTINGS)

    async def read(asset: Address) -> LatestRuns:
        async with limit:
            return await latest_runs(conn, _PARTY[kind], asset, LISTED_TASKS)

    assets = list(dict.fromkeys(offer.address for offer in offers))
    found = dict(zip(assets, await asyncio.gather(*map(read, assets)), strict=True))
    return tuple(replace(offer, runs=found[offer.address]) for offer in offers)


async def open_orders(
    conn: Connection, kind: AssetKind, asset: Address | None = None, *, owner: Address | None = None
) -> tuple[OpenOrder, ...]:
    """Return the open orders of a kind, of one asset or one owner, page by page from the market."""
    filters = {"workerpool": "any", "requester": "any", ("dataset" if kind == "App" else "app"): "any"}
    if owner is None:
        filters[kind.lower()] = asset or "any"
    else:
        filters[f"{kind.lower()}Owner"] = owner
    orders: list[OpenOrder] = []
    while True:
        page = await conn.market.orders(
            _ORDER[kind].kind, pageIndex=str(len(orders) // _PAGE), pageSize=str(_PAGE), **filters
        )
        orders += page
        if len(page) < _PAGE:
            return tuple(orders)


async def listing_of(conn: Connection, kind: AssetKind, asset: Address) -> Listing:
    """Return an asset's data from chain and vaults, with its open offers."""
    assets = Assets(conn.hub)
    owner, facts, multiaddr, offers = await asyncio.gather(
        assets.owner(asset),
        conn.asset_facts.read(kind, asset),
        assets.multiaddr(kind, asset),
        open_offers(conn, kind, asset),
    )
    views = await views_of(conn, asset, owner) if kind == "Dataset" else ()
    release = None
    if kind == "App":
        offers = await with_release_marks(conn, offers)
        released = await asyncio.to_thread(released_apps, conn.network.python)
        release = released.mark(facts.checksum, facts.name)
    return Listing(
        address=asset,
        name=facts.name,
        owner=owner,
        digest=facts.checksum,
        location=multiaddr,
        offers=offers,
        versions=key_versions(views),
        iexec_compatible=is_iexec_key(views),
        unopened=unopened_task(views),
        opened=opened_task(views),
        release=release,
    )


def _offer(orders: Sequence[tuple[OpenOrder, AppOrder | DatasetOrder]], facts: AssetFacts) -> Offer:
    first, order = orders[0]
    return Offer(
        address=order.asset,
        name=facts.name,
        owner=first.owner,
        digest=facts.checksum,
        price=Amount(order.price),
        uses=sum(each.left for each, _ in orders),
        presigned=first.presigned,
        app=_restriction(order.apprestrict) if isinstance(order, DatasetOrder) else None,
        buyer=_restriction(order.requesterrestrict),
        pools=_restriction(order.workerpoolrestrict),
        orders=len(orders),
        tee=isinstance(order, DatasetOrder) or is_tee(order.tag),
    )


def _restriction(address: Address) -> Address | None:
    return None if address == ZERO_ADDRESS else address

"""Choose the offers that a run is bought on, and sign the request that fits them."""

import asyncio
from dataclasses import asdict, dataclass, replace
from typing import Final

from sealgrid.errors import OrderRefused
from sealgrid.poco.matching import groups_of
from sealgrid.poco.orders import (
    NO_DATASET_ORDER,
    AnyOrder,
    AppOrder,
    DatasetOrder,
    Order,
    RequestOrder,
    WorkerpoolOrder,
    from_document,
)
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.concurrency import both
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.orders import KINDS, cheapest_of, fresh_salt
from sealgrid.sdk.operations.pool_selection import MOST_POOLS, candidates, pinned_pools, pools_named, ranked
from sealgrid.sdk.progress import Progress, ProgressStep, silent
from sealgrid.units import ZERO_ADDRESS, Address
from sealgrid.wire.market import OpenOrder

_LOOKED_AT: Final = 100  #: offers to anyone, the cheapest first
_VOLUME: Final = "minVolume"  #: with the next one, the filters that are no field of an order
_GROUPED: Final = "grouped"  #: one order of each offer, where owners sign several on equal terms
_OFFERED: Final = (AppOrder, DatasetOrder)
_PRICE: Final = {AppOrder: "appprice", DatasetOrder: "datasetprice", WorkerpoolOrder: "workerpoolprice"}


@dataclass(frozen=True, slots=True)
class DealOrders:
    """The four signed orders of a deal."""

    app: AppOrder
    dataset: DatasetOrder
    workerpool: WorkerpoolOrder
    request: RequestOrder

    @property
    def price(self) -> int:
        """Return what one task costs in nRLC: app, model and computing together."""
        return self.app.appprice + self.dataset.datasetprice + self.workerpool.workerpoolprice


Offers = tuple[AppOrder, DatasetOrder, WorkerpoolOrder]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the request asks for beside its parties."""

    params: str
    callback: Address
    tasks: int
    max_price: int | None  #: nRLC for all tasks together


@dataclass(frozen=True, slots=True)
class _DealParties:
    """Who takes part in the deal; ``workerpool`` is None until one is chosen."""

    app: Address
    dataset: Address
    requester: Address
    workerpool: Address | None = None


async def offers_for(
    conn: Connection,
    app: Address,
    model: Address | DatasetOrder,
    tasks: int,
    *,
    category: int | None,
    pool: WorkerpoolOrder | str | None,
    progress: Progress = silent,
) -> Offers:
    """Return the cheapest offers of an app, of a model unless it is zero, and of computing; a given order is taken.

    ``pool`` says where computing is bought, as ``sdk.pools.pools_named`` reads it. It is of the network's short
    category by default. ``progress`` is called with why a pool was chosen that is not pinned. Raises OrderRefused where
    there is no offer for this account.
    """
    parties = _DealParties(app, model.dataset if isinstance(model, DatasetOrder) else model, conn.address)
    if isinstance(pool, WorkerpoolOrder):
        return await _offers_at(conn, pool, parties, model, tasks=tasks)
    wanted = conn.network.short_category if category is None else category
    choices = await _computing(conn, pool, parties, tasks=tasks, category=wanted)
    refusals: list[OrderRefused] = []
    for choice in choices[:MOST_POOLS]:
        try:
            offers = await _offers_at(conn, choice.order, parties, model, tasks=tasks)
        except OrderRefused as error:  # the owner of app or model may admit another pool
            refusals.append(error)
        else:
            if choice.why:
                better = f"; app and model admit none of {len(refusals)} better pools" if refusals else ""
                progress(ProgressStep(choice.why + better, lasting=True))
            return offers
    raise refusals[0]


async def _offers_at(
    conn: Connection, pool: WorkerpoolOrder, parties: _DealParties, model: Address | DatasetOrder, *, tasks: int
) -> Offers:
    """Return the cheapest offers of app and model that admit a deal at this pool; a given model order is taken."""
    parties = replace(parties, workerpool=pool.workerpool)
    app = parties.app
    for_app = _cheapest(conn, AppOrder, f"the app {app}", parties, uses=tasks, app=app)
    if isinstance(model, DatasetOrder):
        return await for_app, model, pool
    if model == ZERO_ADDRESS:
        return await for_app, NO_DATASET_ORDER, pool
    what = f"the model {model} for this app"
    for_model = _cheapest(conn, DatasetOrder, what, parties, uses=tasks, dataset=model)
    app_order, model_order = await both(for_app, for_model)
    return app_order, model_order, pool


@dataclass(frozen=True, slots=True)
class _Choice:
    """A pool's cheapest order, and why it is taken where the buyer should hear it."""

    order: WorkerpoolOrder
    why: str = ""


async def _computing(
    conn: Connection, pool: str | None, parties: _DealParties, *, tasks: int, category: int
) -> list[_Choice]:
    """Return an order of each pool that is meant, the one to take first; raise OrderRefused where there is none."""
    of, pinned = {"category": str(category)}, {each.address for each in pinned_pools(conn.network)}
    pools = pools_named(conn.network, pool)
    if pools is None:
        found = await _offered(conn, WorkerpoolOrder, parties, uses=tasks, **of)
        cheapest = cheapest_of(found, WorkerpoolOrder, "computing in this category", uses=tasks)  # or says why not
        orders = [from_document(WorkerpoolOrder, each.order) for each in found if each.left >= tasks]
        return [_Choice(best.order, why) for best, why in ranked(await candidates(conn, orders or [cheapest]))]
    looks = [_offered(conn, WorkerpoolOrder, parties, uses=tasks, workerpool=each, **of) for each in pools]
    found = [each for page in await asyncio.gather(*looks) for each in page]
    found.sort(key=lambda each: int(each.order["workerpoolprice"]))
    what = f"computing in this category at {'pool' if len(pools) == 1 else 'the pools'} {', '.join(pools)}"
    cheapest_of(found, WorkerpoolOrder, what, uses=tasks)  # or says why not
    first: dict[Address, WorkerpoolOrder] = {}
    for each in found:
        if each.left >= tasks:
            order = from_document(WorkerpoolOrder, each.order)
            first.setdefault(order.workerpool, order)
    return [_Choice(order, await _unless_pinned(conn, order, pinned)) for order in first.values()]


async def _unless_pinned(conn: Connection, order: WorkerpoolOrder, pinned: set[Address]) -> str:
    if order.workerpool in pinned:
        return ""
    unknown = (await candidates(conn, [order]))[0]
    return f"pool {order.workerpool} is not pinned: {unknown}"


async def _cheapest(
    conn: Connection, kind: type[AnyOrder], what: str, parties: _DealParties, *, uses: int, **of: str
) -> AnyOrder:
    """Return the cheapest open order that admits these parties as PoCo decides it, and has enough uses left."""
    return cheapest_of(await _offered(conn, kind, parties, uses=uses, **of), kind, what, uses=uses)


async def _offered(
    conn: Connection, kind: type[AnyOrder], parties: _DealParties, *, uses: int, **of: str
) -> list[OpenOrder]:
    """Return open orders that admit these parties, the cheapest first; with fewer uses left where none has enough."""
    narrowed = {_VOLUME: str(uses)} if uses > 1 else {_GROUPED: "true"} if kind in _OFFERED else {}
    found = await _admitting(conn, kind, parties, narrowed | of)
    if not found and uses > 1:
        found = await _admitting(conn, kind, parties, of)  # to say how many there are
    return found


async def _admitting(
    conn: Connection, kind: type[AnyOrder], parties: _DealParties, of: dict[str, str]
) -> list[OpenOrder]:
    """Return orders of what was asked for that admit the parties, the cheapest first.

    The market is not believed: an order for another asset or category is passed over, as the request would follow it.
    Two pages are read: what is offered to everybody or to these very accounts, and what is offered to anyone at all, of
    which groups may admit them. Nobody crowds the first one out by offering to others.
    """
    named = {name: party for name, party in asdict(parties).items() if name not in of}
    ours = {name: party for name, party in named.items() if party not in (None, ZERO_ADDRESS)}
    anyones = dict.fromkeys(named, "any") | {"pageSize": str(_LOOKED_AT)}
    pages = await asyncio.gather(*(conn.market.orders(KINDS[kind], **(of | each)) for each in (ours, anyones)))
    offered = {order.orderHash: order for page in pages for order in page}
    read = [(each, from_document(kind, each.order)) for each in offered.values()]
    asked = [(each, order) for each, order in read if _is_of(order, of)]
    ranked = sorted(asked, key=lambda pair: int(getattr(pair[1], _PRICE[kind])))
    groups = [groups_of(order, **asdict(parties)) for _, order in ranked]
    first_open = groups.index(()) if () in groups else len(groups)  # no group behind it sells cheaper
    pairs = sorted({pair for each in groups[:first_open] for pair in each})
    members = dict(zip(pairs, await asyncio.gather(*(conn.hub.is_member(*pair) for pair in pairs)), strict=True))
    return [each for (each, _), needed in zip(ranked, groups, strict=True) if all(members.get(one) for one in needed)]


def _is_of(order: Order, of: dict[str, str]) -> bool:
    return all(str(getattr(order, name)) == value for name, value in of.items() if name not in (_VOLUME, _GROUPED))


def terms_of(conn: Connection, offers: Offers, wanted: RunRequest) -> DealOrders:
    """Return the offers with a request that fits them, signed; raise OrderRefused above the price that is allowed."""
    app, dataset, pool = offers
    price = wanted.tasks * (app.appprice + dataset.datasetprice + pool.workerpoolprice)
    if wanted.max_price is not None and price > wanted.max_price:
        raise OrderRefused(f"this run costs {price} nRLC, more than the {wanted.max_price} that you allow.")
    request = RequestOrder(
        app=app.app,
        appmaxprice=app.appprice,
        dataset=dataset.dataset,
        datasetmaxprice=dataset.datasetprice,
        workerpool=pool.workerpool,
        workerpoolmaxprice=pool.workerpoolprice,
        requester=conn.address,
        beneficiary=conn.address,
        callback=wanted.callback,
        volume=wanted.tasks,
        tag=TEE_TAG,
        category=pool.category,
        params=wanted.params,
        salt=fresh_salt(),
    )
    return DealOrders(app, dataset, pool, sign_order(request, conn.order_domain, conn.key))

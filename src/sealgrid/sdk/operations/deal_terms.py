"""Choose the offers on which a run is bought, and sign the request that matches them."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, TypeVar

from sealgrid.chain.assets import Assets
from sealgrid.errors import OrderRefused
from sealgrid.poco.matching import groups_of
from sealgrid.poco.orders import (
    NO_DATASET_ORDER,
    AnyOrder,
    AppOrder,
    DatasetOrder,
    RequestOrder,
    WorkerpoolOrder,
    from_document,
)
from sealgrid.poco.tags import NO_TAG, TEE_BIT, is_tee
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.concurrency import both
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.orders import cheapest_of, fresh_salt
from sealgrid.sdk.operations.pool_selection import MAX_POOLS, candidates, pinned_pools, pools_named, ranked
from sealgrid.sdk.operations.price import BagPrice, Offers, price_of
from sealgrid.sdk.progress import Progress, ProgressStep, ignore_progress
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS, Address
from sealgrid.wire.market import OpenOrder

_PAGE_SIZE: Final = 100  #: offers that are restricted to groups or to nobody, cheapest first
_NO_LIMIT: Final = 1 << 62
_VOLUME: Final = "minVolume"  #: a filter of the market that is not a field of an order
_MIN_TAG, _MAX_TAG, _MIN_TRUST = "minTag", "maxTag", "minTrust"
_GROUPED: Final = "grouped"  #: likewise: one order of each offer that owners signed in several equal parts

_NO_FIELDS: Final = (_VOLUME, _GROUPED, _MIN_TAG, _MAX_TAG, _MIN_TRUST)

SellOrder = TypeVar("SellOrder", AppOrder, DatasetOrder, WorkerpoolOrder)


@dataclass(frozen=True, slots=True)
class DealOrders:
    """The four signed orders of a deal."""

    app: AppOrder
    dataset: DatasetOrder
    workerpool: WorkerpoolOrder
    request: RequestOrder

    @property
    def price(self) -> int:
        """Return the price of one task in nRLC: app, model and computing together."""
        return self.app.price + self.dataset.price + self.workerpool.price


@dataclass(frozen=True, slots=True)
class _DealParties:
    """The parties of a deal; ``workerpool`` is None until one is chosen."""

    app: Address
    dataset: Address
    requester: Address
    workerpool: Address | None = None


async def choose_offers(conn: Connection, request: RunRequest, on_progress: Progress = ignore_progress) -> Offers:
    """Return the cheapest offers of the app, of the model if there is one, and of computing.

    Orders that the request names are taken as they are. ``on_progress`` is called with the reason when a pool is chosen
    that the network file does not pin. Raises OrderRefused when nothing is offered to this account, or for more than
    the request's maximum price.
    """
    offers = await _cheapest_offers(conn, request, on_progress)
    price, most = price_of(offers, request.tasks), request.max_price
    if most is not None and price.total > most:
        raise OrderRefused(f"this run costs {price}, more than the {Amount(most)} that you allow.")
    return offers


async def _cheapest_offers(conn: Connection, request: RunRequest, on_progress: Progress) -> Offers:
    model = request.model_order.dataset if request.model_order else request.model
    parties = _DealParties(request.app, model, conn.address)
    if request.pool_order is not None:
        return await _offers_at(conn, request.pool_order, parties, request)
    choices = await _pool_choices(conn, request, parties)
    refusals: list[OrderRefused] = []
    for choice in choices[:MAX_POOLS]:
        try:
            offers = await _offers_at(conn, choice.order, parties, request)
        except OrderRefused as error:  # the owner of app or model may admit another pool
            refusals.append(error)
        else:
            if choice.reason:
                better = f"; app and model admit none of {len(refusals)} better pools" if refusals else ""
                on_progress(ProgressStep(choice.reason + better, lasting=True))
            return offers
    raise refusals[0]


async def _offers_at(conn: Connection, pool: WorkerpoolOrder, parties: _DealParties, request: RunRequest) -> Offers:
    """Return the cheapest offers of app and model that admit a deal at this pool."""
    if not request.tee:
        await require_no_gate(conn, pool.workerpool)
    parties, tasks = replace(parties, workerpool=pool.workerpool), request.tasks
    tag = _tag_filters(request)
    what = f"the app {parties.app}" + ("" if request.tee else " without a TEE")
    app = _cheapest(conn, AppOrder, what, parties, uses=tasks, app=parties.app, **tag)
    if request.model_order is not None:
        return await app, request.model_order, pool
    if request.model == ZERO_ADDRESS:
        return await app, NO_DATASET_ORDER, pool
    what = f"the model {request.model} for this app"
    model = _cheapest(conn, DatasetOrder, what, parties, uses=tasks, dataset=request.model)
    app_order, model_order = await both(app, model)
    return app_order, model_order, pool


async def require_no_gate(conn: Connection, pool: Address) -> None:
    """Raise OrderRefused for a pool that a contract owns: nobody could finalise a task without a TEE there."""
    if await conn.node.code(await Assets(conn.hub).owner(pool)):
        raise OrderRefused(
            f"a gate owns pool {pool}, which runs tasks in enclaves only; buy at another pool or with a TEE."
        )


@dataclass(frozen=True, slots=True)
class PlannedDeal:
    """The offers of one deal, and the number of tasks that it shall have."""

    offers: Offers
    tasks: int


async def plan_deals(
    conn: Connection, request: RunRequest, on_progress: Progress = ignore_progress
) -> tuple[PlannedDeal, ...]:
    """Return the deals in which a request's tasks are bought: one, or several where no offer has that many uses left.

    Raises OrderRefused when fewer tasks are offered, or for more than the request's maximum price.
    """
    try:
        return (PlannedDeal(await choose_offers(conn, request, on_progress), request.tasks),)
    except OrderRefused:
        if request.tasks == 1:
            raise
    _, dataset, pool = await choose_offers(conn, replace(request, tasks=1, max_price=None), on_progress)
    model = dataset.dataset
    parties = _DealParties(request.app, model, conn.address, pool.workerpool)
    apps, pools, datasets = await asyncio.gather(
        _uses(conn, AppOrder, parties, app=request.app, **_tag_filters(request)),
        _uses(
            conn,
            WorkerpoolOrder,
            parties,
            workerpool=pool.workerpool,
            category=str(pool.category),
            **_tag_filters(request),
        ),
        _unlimited() if model == ZERO_ADDRESS else _uses(conn, DatasetOrder, parties, dataset=model),
    )
    deals = pair_offers(apps, datasets, pools, request.tasks)
    offered = sum(each.tasks for each in deals)
    if offered < request.tasks:
        raise OrderRefused(
            f"{request.tasks} tasks cannot be bought: app, model and one pool together offer {offered} right now."
        )
    price, most = BagPrice(tuple(price_of(each.offers, each.tasks) for each in deals)), request.max_price
    if most is not None and price.total > most:
        raise OrderRefused(f"these tasks cost {price}, more than the {Amount(most)} that you allow.")
    return deals


def pair_offers(
    apps: Sequence[tuple[AppOrder, int]],
    datasets: Sequence[tuple[DatasetOrder, int]],
    pools: Sequence[tuple[WorkerpoolOrder, int]],
    tasks: int,
) -> tuple[PlannedDeal, ...]:
    """Return deals that use the cheapest orders first; for fewer tasks where the orders have fewer uses left.

    Each list has orders with their uses left. PoCo makes a deal as large as the smallest of its orders.
    """
    deals: list[PlannedDeal] = []
    while tasks and apps and datasets and pools:
        (app, app_left), (dataset, dataset_left), (pool, pool_left) = apps[0], datasets[0], pools[0]
        size = min(tasks, app_left, dataset_left, pool_left)
        deals.append(PlannedDeal((app, dataset, pool), size))
        apps = _without(apps, size)
        datasets = _without(datasets, size)
        pools = _without(pools, size)
        tasks -= size
    return tuple(deals)


def _without(orders: Sequence[tuple[SellOrder, int]], size: int) -> Sequence[tuple[SellOrder, int]]:
    (order, left), rest = orders[0], list(orders[1:])
    if left > size:
        rest.insert(0, (order, left - size))
    return rest


async def _uses(
    conn: Connection, kind: type[SellOrder], parties: _DealParties, **filters: str
) -> list[tuple[SellOrder, int]]:
    """Return open orders that admit the parties with the uses that they have left, cheapest first."""
    found = await _admitting(conn, kind, parties, filters | {"pageSize": str(_PAGE_SIZE)})
    return [(from_document(kind, each.order), each.left) for each in found if each.left]


async def _unlimited() -> list[tuple[DatasetOrder, int]]:
    return [(NO_DATASET_ORDER, _NO_LIMIT)]


@dataclass(frozen=True, slots=True)
class _PoolChoice:
    """A pool's cheapest order; ``reason`` is a sentence for the buyer, empty for a pinned pool."""

    order: WorkerpoolOrder
    reason: str = ""


async def _pool_choices(conn: Connection, request: RunRequest, parties: _DealParties) -> list[_PoolChoice]:
    """Return one order of each pool in question, best first; raise OrderRefused when there is none."""
    tasks, tag = request.tasks, _tag_filters(request, pool=True)
    category = str(conn.network.short_category if request.category is None else request.category)
    pinned = {each.address for each in pinned_pools(conn.network)}
    pools = pools_named(conn.network, request.pool)
    if pools is None:
        open_orders = await _open_orders(conn, WorkerpoolOrder, parties, uses=tasks, category=category, **tag)
        what = "computing in this category" + ("" if request.tee else f" without a TEE at trust {request.trust}")
        cheapest = cheapest_of(open_orders, WorkerpoolOrder, what, uses=tasks)
        orders = [from_document(WorkerpoolOrder, each.order) for each in open_orders if each.left >= tasks]
        return [_PoolChoice(best.order, why) for best, why in ranked(await candidates(conn, orders or [cheapest]))]
    pages = await asyncio.gather(
        *(
            _open_orders(conn, WorkerpoolOrder, parties, uses=tasks, workerpool=pool, category=category, **tag)
            for pool in pools
        )
    )
    read = [(each, from_document(WorkerpoolOrder, each.order)) for page in pages for each in page]
    read.sort(key=lambda pair: pair[1].price)
    without = "" if request.tee else f" without a TEE at trust {request.trust}"
    what = f"computing in this category{without} at {'pool' if len(pools) == 1 else 'the pools'} {', '.join(pools)}"
    cheapest_of([each for each, _ in read], WorkerpoolOrder, what, uses=tasks)  # raises where no order is large enough
    cheapest_by_pool: dict[Address, WorkerpoolOrder] = {}
    for each, order in read:
        if each.left >= tasks:
            cheapest_by_pool.setdefault(order.workerpool, order)
    choices = []
    for pool, order in cheapest_by_pool.items():
        reason = "" if pool in pinned else f"pool {pool} is not pinned: {(await candidates(conn, [order]))[0]}"
        choices.append(_PoolChoice(order, reason))
    return choices


async def _cheapest(
    conn: Connection, kind: type[SellOrder], what: str, parties: _DealParties, *, uses: int, **filters: str
) -> SellOrder:
    """Return the cheapest open order that PoCo admits for these parties and that has enough uses left."""
    return cheapest_of(await _open_orders(conn, kind, parties, uses=uses, **filters), kind, what, uses=uses)


async def _open_orders(
    conn: Connection, kind: type[SellOrder], parties: _DealParties, *, uses: int, **filters: str
) -> list[OpenOrder]:
    """Return open orders that admit these parties, cheapest first; smaller ones only when none has enough uses left."""
    narrowing = {_VOLUME: str(uses)} if uses > 1 else {} if kind is WorkerpoolOrder else {_GROUPED: "true"}
    found = await _admitting(conn, kind, parties, narrowing | filters)
    if not found and uses > 1:
        found = await _admitting(conn, kind, parties, filters)  # the error states how many uses are left
    return found


async def _admitting(
    conn: Connection, kind: type[SellOrder], parties: _DealParties, filters: dict[str, str]
) -> list[OpenOrder]:
    """Return orders that match the filters and admit the parties, cheapest first.

    The market is not trusted: an order for another asset or category is skipped, because the request would follow it.
    Two pages are read: orders for everybody or for these very accounts, and orders restricted to any address, which may
    be groups with these members. So nobody can crowd out the first page with orders for others.
    """
    accounts = {name: party for name, party in asdict(parties).items() if name not in filters}
    direct = {name: party for name, party in accounts.items() if party not in (None, ZERO_ADDRESS)}
    restricted = dict.fromkeys(accounts, "any") | {"pageSize": str(_PAGE_SIZE)}
    pages = await asyncio.gather(*(conn.market.orders(kind.kind, **(filters | each)) for each in (direct, restricted)))
    by_hash = {order.orderHash: order for page in pages for order in page}
    read = [(each, from_document(kind, each.order)) for each in by_hash.values()]
    fields = {name: value for name, value in filters.items() if name not in (*_NO_FIELDS, "pageSize")}
    matching = [
        (each, order)
        for each, order in read
        if all(str(getattr(order, name)) == value for name, value in fields.items()) and _has_tag(order, filters)
    ]
    by_price = sorted(matching, key=lambda pair: pair[1].price)
    groups = [groups_of(order, **asdict(parties)) for _, order in by_price]
    first_open = groups.index(()) if () in groups else len(groups)  # no order behind it is cheaper
    pairs = sorted({pair for each in groups[:first_open] for pair in each})
    members = dict(zip(pairs, await asyncio.gather(*(conn.hub.is_member(*pair) for pair in pairs)), strict=True))
    return [each for (each, _), needed in zip(by_price, groups, strict=True) if all(members.get(one) for one in needed)]


def _tag_filters(request: RunRequest, *, pool: bool = False) -> dict[str, str]:
    """Return the market's filters for orders that a request with this tag matches; ``pool`` is for orders of a pool."""
    if request.tee:
        return {_MIN_TAG: str(TEE_BIT)}
    return {_MAX_TAG: str(NO_TAG)} | ({_MIN_TRUST: str(request.trust)} if pool else {})


def _has_tag(order: AnyOrder, filters: dict[str, str]) -> bool:
    """Return whether an order is what these filters ask for; the market is not trusted."""
    if _MIN_TAG in filters and not is_tee(order.tag):
        return False
    if _MAX_TAG in filters and order.tag != NO_TAG:
        return False
    return not isinstance(order, WorkerpoolOrder) or order.trust >= int(filters.get(_MIN_TRUST, "0"))


def sign_request(conn: Connection, offers: Offers, request: RunRequest, params: str) -> DealOrders:
    """Return the offers with a signed request that matches them."""
    order = request_order(conn, offers, request, params)
    return DealOrders(*offers, sign_order(order, conn.order_domain, conn.key))


def request_order(conn: Connection, offers: Offers, request: RunRequest, params: str) -> RequestOrder:
    """Return the unsigned request that matches the offers."""
    app, dataset, pool = offers
    return RequestOrder(
        app=app.app,
        appmaxprice=app.price,
        dataset=dataset.dataset,
        datasetmaxprice=dataset.price,
        workerpool=pool.workerpool,
        workerpoolmaxprice=pool.price,
        requester=conn.address,
        beneficiary=conn.address,
        callback=request.callback,
        volume=request.tasks,
        tag=request.tag,
        category=pool.category,
        trust=0 if request.tee else request.trust,
        params=params,
        salt=fresh_salt(),
    )

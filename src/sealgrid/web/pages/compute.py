"""Compute market: the order book of each category, and each pool's page with its workers and offers."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.attestation.policy import Platform
from sealgrid.chain.views import AccountView
from sealgrid.errors import NotFound, SealgridError
from sealgrid.poco import tags
from sealgrid.poco.orders import WorkerpoolOrder, from_document
from sealgrid.units import ZERO_ADDRESS, Address
from sealgrid.web.forms import path_address
from sealgrid.web.html.charts import depth_chart, price_chart
from sealgrid.web.index.reader import PAGE_SIZE, RECENT_TASKS, TaskFilter
from sealgrid.web.offers import find_groups
from sealgrid.web.site import Site, WebRequest, page_number
from sealgrid.wire.market import OpenOrder
from sealgrid.wire.pool import PoolView

MAX_ORDERS: Final = 50
MAX_WORKERS: Final = 20  #: on a pool's page; each needs a chain read of its stake


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of the compute market and of pools."""

    def pool_row(address: str) -> Any:
        row = site.index.asset(path_address(address))
        if row is None or row.kind != "Workerpool":
            raise NotFound(f"there is no pool at {address[:60]} on this network.", money="")
        return row

    @get("/compute")
    async def compute(request: WebRequest) -> Response[bytes]:
        categories = range(await site.hub.count_categories())
        page = page_number(request)
        rows = site.index.assets("Workerpool", page=page)
        books, pools = await asyncio.gather(
            asyncio.gather(*(_category_book(site, category) for category in categories)),
            asyncio.gather(*(_pool_summary(site, row) for row in rows[:PAGE_SIZE])),
        )
        sorted_books = sorted(books, key=lambda book: (not book["offers"], book["seconds"]))
        context = {"books": sorted_books, "pools": pools, "page": page, "has_next_page": len(rows) > PAGE_SIZE}
        return site.page(request, "compute.html", context)

    @get("/pools/{address:str}")
    async def pool(address: FromPath[str], request: WebRequest) -> Response[bytes]:
        row = pool_row(address)
        summary, orders, workers = await asyncio.gather(
            _pool_summary(site, row),
            _pool_orders(site, workerpool=row.address),
            _workers(site, row.address),
        )
        offers = await _to_offers(site, orders)
        categories = {offer["category"] for offer in offers}
        views = await asyncio.gather(*(site.hub.view_category(category) for category in categories))
        tasks = site.index.tasks(TaskFilter({"workerpool": row.address}))[:8]
        context = {
            "summary": summary,
            "offers": offers,
            "categories": {category: view.name for category, view in zip(categories, views, strict=True)},
            "workers": workers,
            "recent_tasks": RECENT_TASKS,
            "tasks": tasks,
            "states": await site.task_states.shown(tasks),
            "names": site.index.names({asset for task in tasks for asset in (task.app, task.dataset)}),
        }
        return site.page(request, "pool.html", context)

    @get("/pools/{address:str}/queue")
    async def queue(address: FromPath[str], request: WebRequest) -> Response[bytes]:
        return site.fragment(request, "pool_queue.html", {"summary": await _pool_summary(site, pool_row(address))})

    return [compute, pool, queue]


async def _category_book(site: Site, category: int) -> dict[str, Any]:
    view, orders = await asyncio.gather(site.hub.view_category(category), _pool_orders(site, category=str(category)))
    offers = await _to_offers(site, orders)
    public = [(offer["price"], offer["volume"]) for offer in offers if offer["buyer"] == ZERO_ADDRESS]
    prices = site.index.pool_prices(category)
    return {
        "name": view.name,
        "seconds": view.timeref,
        "offers": offers,
        "deals": len(prices),
        "names": site.index.names({offer["workerpool"] for offer in offers}),
        "depth_chart": depth_chart(public),
        "price_chart": price_chart([(row.time, row.pool_price) for row in prices], site.clock()),
    }


async def _pool_orders(site: Site, **filters: str) -> Sequence[OpenOrder]:
    return await site.conn.market.orders(
        "workerpoolorders", pageSize=str(MAX_ORDERS), app="any", dataset="any", requester="any", **filters
    )


async def _to_offers(site: Site, found: Sequence[OpenOrder]) -> list[dict[str, Any]]:
    """Return pools' offers as the templates read them, the cheapest first."""
    orders = [from_document(WorkerpoolOrder, each.order) for each in found]
    groups = await find_groups(site.conn, [order.requesterrestrict for order in orders])
    offers = [
        {
            "workerpool": order.workerpool,
            "category": order.category,
            "price": order.workerpoolprice,
            "volume": each.left,
            "tee": tags.is_tee(order.tag),
            "buyer": order.requesterrestrict,
            "is_group": order.requesterrestrict in groups,
            "pool": ZERO_ADDRESS,
            "presigned": each.presigned,
        }
        for order, each in zip(orders, found, strict=True)
    ]
    return sorted(offers, key=lambda offer: int(offer["price"]))


async def _pool_summary(site: Site, row: Any) -> dict[str, Any]:
    """Return a pool's stake, task counts, and its own view; the view is known for this network's pool only."""
    stake: AccountView = await site.hub.account(row.owner)
    view: PoolView | None = None
    if row.address == site.network.workerpool:
        with suppress(SealgridError):
            view = await site.conn.pool.view()
    return {
        "pool": row,
        "record": site.index.record("workerpool", row),
        "stake": stake.stake + stake.locked,
        "view": view,
        "platform": Platform(site.network.platform).name.lower(),
    }


async def _workers(site: Site, pool: Address) -> list[dict[str, Any]]:
    """Return the workers of the pool's recent tasks, each with its stake, nRLC."""
    rows = site.index.machines(pool)[:MAX_WORKERS]
    accounts = await asyncio.gather(*(site.hub.account(row.worker) for row in rows))
    return [
        {
            "worker": row.worker,
            "tasks": row.tasks,
            "completion_rate": row.completed / row.tasks,
            "last": row.last,
            "stake": account.stake + account.locked,
        }
        for row, account in zip(rows, accounts, strict=True)
    ]

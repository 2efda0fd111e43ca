"""The Marketplace of computing: what pools ask for a task of each category, and how well they did."""

import asyncio
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from sealgrid.attestation.policy import Platform
from sealgrid.chain.views import AccountView
from sealgrid.errors import SealgridError
from sealgrid.poco import tags
from sealgrid.poco.orders import WorkerpoolOrder, from_document
from sealgrid.web import charts
from sealgrid.web.site import Ask, Site
from sealgrid.wire.market import OpenOrder
from sealgrid.wire.pool import PoolView

MOST_ORDERS = 50


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of these pages."""

    @get("/compute")
    async def compute(request: Ask) -> Response[bytes]:
        categories = range(await site.hub.count_categories())
        rows = site.index.assets("Workerpool")
        books, pools = await asyncio.gather(
            asyncio.gather(*(_book(site, category) for category in categories)),
            asyncio.gather(*(_pool(site, row) for row in rows)),
        )
        ordered = sorted(books, key=lambda book: not book["offers"])
        platform = Platform(site.network.platform).name.lower()
        return site.page(request, "compute.html", {"books": ordered, "pools": pools, "platform": platform})

    return [compute]


async def _book(site: Site, category: int) -> dict[str, Any]:
    about, orders = await asyncio.gather(
        site.hub.view_category(category),
        site.reader.market.orders("workerpoolorders", category=str(category), pageSize=str(MOST_ORDERS)),
    )
    offers = sorted((_offer(order) for order in orders), key=lambda offer: int(offer["price"]))
    prices = site.index.pool_prices(category)
    return {
        "name": about.name, "seconds": about.timeref, "offers": offers, "sold": len(prices),
        "names": site.index.names({offer["pool"] for offer in offers}),
        "depth": charts.line(_depth(offers), f"{sum(o['volume'] for o in offers)} tasks on offer", stairs=True),
        "history": charts.line(
            [(row.time, row.pool_price) for row in prices], f"prices of the last {len(prices)} deals"
        ),
    }  # fmt: skip


def _offer(found: OpenOrder) -> dict[str, Any]:
    order = from_document(WorkerpoolOrder, found.order)
    return {
        "pool": order.workerpool, "price": order.workerpoolprice, "volume": found.left,
        "tee": tags.is_tee(order.tag), "presigned": found.presigned,
    }  # fmt: skip


def _depth(offers: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return cumulated volume over price."""
    points, volume = [(0.0, 0.0)], 0
    for offer in offers:
        volume += offer["volume"]
        points.append((float(offer["price"]), float(volume)))
    return [*points, (points[-1][0] * 1.25, float(volume))] if len(points) > 1 else []


async def _pool(site: Site, row: Any) -> dict[str, Any]:
    stake: AccountView = await site.hub.account(row.owner)
    view: PoolView | None = None
    if row.address == site.network.workerpool:
        try:
            view = await site.reader.pool.view()
        except SealgridError:
            view = None
    return {"pool": row, "record": site.index.record("workerpool", row), "stake": stake, "view": view}

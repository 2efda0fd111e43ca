"""The Marketplace of computing: what pools ask for a task of each category, and how well they did."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from markupsafe import Markup

from sealgrid.attestation.policy import Platform
from sealgrid.chain.views import AccountView
from sealgrid.errors import SealgridError
from sealgrid.poco import tags
from sealgrid.poco.orders import WorkerpoolOrder, from_document
from sealgrid.sdk.amounts import Amount
from sealgrid.units import ZERO_ADDRESS
from sealgrid.web import charts
from sealgrid.web.offers import groups_among
from sealgrid.web.rendering import minute
from sealgrid.web.site import Ask, Site
from sealgrid.wire.market import OpenOrder
from sealgrid.wire.pool import PoolView

MAX_ORDERS = 50


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of these pages."""

    @get("/compute")
    async def compute(request: Ask) -> Response[bytes]:
        categories = range(await site.hub.count_categories())
        rows = site.index.assets("Workerpool")
        books, pools = await asyncio.gather(
            asyncio.gather(*(_book(site, category) for category in categories)),
            asyncio.gather(*(standing(site, row) for row in rows)),
        )
        ordered = sorted(books, key=lambda book: (not book["offers"], book["seconds"]))
        return site.page(request, "compute.html", {"books": ordered, "pools": pools})

    return [compute]


async def _book(site: Site, category: int) -> dict[str, Any]:
    about, orders = await asyncio.gather(
        site.hub.view_category(category),
        site.reader.market.orders(
            "workerpoolorders",
            category=str(category),
            pageSize=str(MAX_ORDERS),
            app="any",
            dataset="any",
            requester="any",
        ),
    )
    offers = await computing_offers(site, orders)
    prices = site.index.pool_prices(category)
    return {
        "name": about.name,
        "seconds": about.timeref,
        "offers": offers,
        "sold": len(prices),
        "names": site.index.names({offer["of"] for offer in offers}),
        "depth": _depth_chart(offers),
        "history": _history_chart(prices, site.clock()),
    }


async def computing_offers(site: Site, found: Sequence[OpenOrder]) -> list[dict[str, Any]]:
    """Return what a page shows of pools' offers, the cheapest first."""
    orders = [from_document(WorkerpoolOrder, each.order) for each in found]
    groups = await groups_among(site.reader, [order.requesterrestrict for order in orders])
    offers = [
        {
            "of": order.workerpool,
            "category": order.category,
            "price": order.workerpoolprice,
            "volume": each.left,
            "tee": tags.is_tee(order.tag),
            "buyer": order.requesterrestrict,
            "group": order.requesterrestrict in groups,
            "pool": ZERO_ADDRESS,
            "presigned": each.presigned,
        }
        for order, each in zip(orders, found, strict=True)
    ]
    return sorted(offers, key=lambda offer: int(offer["price"]))


def _depth_chart(offers: list[dict[str, Any]]) -> Markup:
    open_to_all = [offer for offer in offers if offer["buyer"] == ZERO_ADDRESS]
    points, tasks = _depth(open_to_all), sum(offer["volume"] for offer in open_to_all)
    said = f"{tasks:,} tasks on offer to everybody" + (
        f", from {Amount(open_to_all[0]['price'])} to {Amount(open_to_all[-1]['price'])} each" if open_to_all else ""
    )
    dearest = int(points[-1][0]) if points else 0
    return charts.framed(
        charts.line(points, said, stairs=True), y=("0", f"{tasks:,}"), x=("0 RLC", str(Amount(dearest)))
    )


def _history_chart(prices: Sequence[Any], now: float) -> Markup:
    if not prices:
        return Markup("")
    paid = [row.pool_price for row in prices]
    said = f"from {Amount(min(paid))} to {Amount(max(paid))} in the last {len(paid)} deals"
    points = [(row.time, row.pool_price) for row in prices]
    drawn = charts.line([*points, (max(now, points[-1][0]), paid[-1])], said, stairs=True)
    return charts.framed(drawn, y=("0", str(Amount(max(paid)))), x=(minute(prices[0].time), "now"))


def _depth(offers: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return how many tasks are on offer up to each price."""
    points, volume = [(0.0, 0.0)], 0
    for offer in offers:
        volume += offer["volume"]
        points.append((float(offer["price"]), float(volume)))
    return [*points, (points[-1][0] * 1.25, float(volume))] if len(points) > 1 else []


async def standing(site: Site, row: Any) -> dict[str, Any]:
    """Return what a page shows of a pool: what is at stake, how it did, and what it says of itself."""
    stake: AccountView = await site.hub.account(row.owner)
    view: PoolView | None = None
    if row.address == site.network.workerpool:
        with suppress(SealgridError):
            view = await site.reader.pool.view()
    platform = Platform(site.network.platform).name.lower()
    return {
        "pool": row,
        "record": site.index.record("workerpool", row),
        "stake": stake,
        "view": view,
        "platform": platform,
    }

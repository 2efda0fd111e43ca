"""One pool: which machines work in it, what it asks, how it did."""

import asyncio
from collections.abc import Collection
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from sealgrid.errors import NotFound
from sealgrid.units import Address
from sealgrid.web.index.index import LATEST, TaskFilter
from sealgrid.web.pages.apps import asset_of
from sealgrid.web.pages.compute import MAX_ORDERS, computing_offers, standing
from sealgrid.web.site import Ask, Site

MOST_MACHINES = 20  #: that are shown; each asks the chain for its stake


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of this page."""

    @get("/pools/{address:str}")
    async def pool(address: str, request: Ask) -> Response[bytes]:
        row = site.index.asset(asset_of(address))
        if row is None or row.kind != "Workerpool":
            raise NotFound(f"no pool stands at {address[:60]} on this network.", money="")
        about, offers, machines = await asyncio.gather(
            standing(site, row), _offers(site, row.address), _machines(site, row.address)
        )
        tasks = site.index.tasks(TaskFilter({"workerpool": row.address}))[:8]
        used = {asset for task in tasks for asset in (task.app, task.dataset)}
        context = {
            "about": about,
            "offers": offers,
            "categories": await _categories(site, offers),
            "machines": machines,
            "latest": LATEST,
            "tasks": tasks,
            "names": site.index.names(used),
        }
        return site.page(request, "pool.html", context)

    return [pool]


async def _offers(site: Site, pool: Address) -> list[dict[str, Any]]:
    found = await site.reader.market.orders(
        "workerpoolorders", workerpool=pool, pageSize=str(MAX_ORDERS), app="any", dataset="any", requester="any"
    )
    return await computing_offers(site, found)


async def _categories(site: Site, offers: Collection[dict[str, Any]]) -> dict[int, str]:
    numbers = sorted({offer["category"] for offer in offers})
    views = await asyncio.gather(*(site.hub.view_category(number) for number in numbers))
    return {number: view.name for number, view in zip(numbers, views, strict=True)}


async def _machines(site: Site, pool: Address) -> list[dict[str, Any]]:
    """Return who worked on the pool's latest tasks, with what each has at stake, nRLC."""
    found = site.index.machines(pool)[:MOST_MACHINES]
    accounts = await asyncio.gather(*(site.hub.account(row.worker) for row in found))
    return [
        {
            "worker": row.worker,
            "tasks": row.tasks,
            "success": row.completed / row.tasks,
            "last": row.last,
            "stake": account.stake + account.locked,
        }
        for row, account in zip(found, accounts, strict=True)
    ]

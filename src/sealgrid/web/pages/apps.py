"""The dApp Store: which apps there are, what each does and costs, and a form that runs one."""

import asyncio
from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from sealgrid.errors import NotFound
from sealgrid.sdk.operations.pool_selection import pinned_pools
from sealgrid.sdk.progress import ProgressStep
from sealgrid.units import Address, to_address
from sealgrid.web import charts
from sealgrid.web.forms import files_of, form_of, words_of
from sealgrid.web.index.index import CARDS, TaskFilter
from sealgrid.web.offers import OpenOffer, models_for, offers_of
from sealgrid.web.site import Ask, Site, page_of, text_of

MONTH = 30 * 24 * 3600


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of these pages."""

    @get("/")
    async def store(request: Ask) -> Response[bytes]:
        search, page = text_of(request, "q"), page_of(request)
        rows = site.index.assets("App", search=search, page=page, size=CARDS)
        cards = await asyncio.gather(*(_card(site, row) for row in rows[:CARDS]))
        context = {
            "cards": cards,
            "search": search,
            "page": page,
            "more": len(rows) > CARDS,
            "counts": site.index.counts(),
        }
        return site.page(request, "cards_of_apps.html" if "hx-request" in request.headers else "apps.html", context)

    @get("/apps/{address:str}")
    async def app(address: str, request: Ask) -> Response[bytes]:
        row = site.index.asset(asset_of(address))
        if row is None or row.kind != "App":
            raise NotFound(f"no app stands at {address[:60]} on this network.", money="")
        offers, models = await asyncio.gather(
            offers_of(site.reader, "App", row.address), models_for(site.reader, row.address)
        )
        tasks = site.index.tasks(TaskFilter({"app": row.address}))[:8]
        used = site.index.uses("app", row.address, int(site.clock()) - MONTH)
        context = {
            "app": row,
            "about": await site.bundles.about(row.multiaddr, row.checksum),
            "offer": _first(offers),
            "record": site.index.record("app", row),
            "models": models,
            "chosen": text_of(request, "model") or _made_for(row.address, models),
            "mine": row.owner == site.me(request),
            "offers": offers,
            "names": site.index.names({row.address, *(o.asset for o in models), *(task.dataset for task in tasks)}),
            "tasks": tasks,
            "usage": charts.per_month(charts.per_day(used, int(site.clock())), f"{len(used)} runs in the last 30 days"),
            "computing": await cheapest_computing(site),
            "pools": pinned_pools(site.network),
            "python": site.network.python,
        }
        return site.page(request, "app.html", context)

    @post("/apps/{address:str}/run")
    async def run(address: str, request: Ask) -> Redirect:
        client, form = await site.client(request), await form_of(request)
        model = str(form.get("model", "")) or None
        uploads = [upload for upload in form.getall("files", []) if isinstance(upload, UploadFile)]
        steps: list[ProgressStep] = []
        bought = await client.run(
            asset_of(address),
            model,
            files=await files_of(uploads),
            args=words_of(str(form.get("args", ""))),
            pool=str(form.get("pool", "")).strip(),
            on_progress=steps.append,
        )
        why = [step.what for step in steps if step.lasting]
        return await site.done(f"/tasks/{bought.task}", *why)

    return [store, app, run]


def _made_for(app: Address, models: Sequence[OpenOffer]) -> str:
    return next((offer.asset for offer in models if offer.app == app), "")


def asset_of(text: str) -> Address:
    """Return an address from a page's own address; raise NotFound for what is none."""
    try:
        return to_address(text.lower())
    except ValueError as error:
        raise NotFound(f"{text[:60]!r} is no address.", money="") from error


async def cheapest_computing(site: Site) -> int | None:
    """Return what the cheapest pinned pool asks for a short task, nRLC; None when none of them offers any."""
    category, pools = str(site.network.short_category), pinned_pools(site.network)
    looks = (
        site.reader.market.orders("workerpoolorders", category=category, workerpool=each.address) for each in pools
    )
    orders = [order for page in await asyncio.gather(*looks) for order in page]
    return min((int(order.order["workerpoolprice"]) for order in orders), default=None)


async def _card(site: Site, row: Any) -> dict[str, Any]:
    offers, about = await asyncio.gather(
        offers_of(site.reader, "App", row.address, 1), site.bundles.about(row.multiaddr, row.checksum)
    )
    return {"app": row, "about": about, "offer": _first(offers), "record": site.index.record("app", row)}


def _first(offers: list[OpenOffer]) -> OpenOffer | None:
    return offers[0] if offers else None

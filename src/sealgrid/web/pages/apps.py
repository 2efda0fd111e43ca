"""App store: the list of apps, each app's page, and the form that buys a run."""

import asyncio
from typing import Any, Final

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from sealgrid.errors import NotFound
from sealgrid.sdk.money import UNMATCHED, sentence
from sealgrid.sdk.operations.pool_selection import pinned_pools
from sealgrid.sdk.progress import ProgressStep
from sealgrid.web.forms import form_text, parse_form, path_address, read_uploads, split_arguments
from sealgrid.web.html import charts
from sealgrid.web.index.reader import CARDS_PER_PAGE, TaskFilter
from sealgrid.web.offers import models_for, offers_of
from sealgrid.web.site import Site, WebRequest, is_htmx, page_number, query_text
from sealgrid.web.wallets.signing_steps import signing_session

MONTH_SECONDS: Final = 30 * 24 * 3600


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of the app store."""

    @get("/")
    async def store(request: WebRequest) -> Response[bytes]:
        search, page = query_text(request, "q"), page_number(request)
        rows = site.index.assets("App", search=search, page=page, size=CARDS_PER_PAGE)
        cards = await asyncio.gather(*(_card(site, row) for row in rows[:CARDS_PER_PAGE]))
        context = {
            "cards": cards,
            "search": search,
            "page": page,
            "has_next_page": len(rows) > CARDS_PER_PAGE,
            "counts": site.index.counts(),
        }
        return site.page(request, "app_cards.html" if is_htmx(request) else "apps.html", context)

    @get("/apps/{address:str}")
    async def app(address: FromPath[str], request: WebRequest) -> Response[bytes]:
        row = site.index.asset(path_address(address))
        if row is None or row.kind != "App":
            raise NotFound(f"there is no app at {address[:60]} on this network.", money="")
        offers, models, details, computing_price = await asyncio.gather(
            offers_of(site.conn, "App", row.address),
            models_for(site.conn, row.address),
            site.app_bundles.details(row.multiaddr, row.checksum),
            _cheapest_computing(site),
        )
        now = int(site.clock())
        tasks = site.index.tasks(TaskFilter({"app": row.address}))[:8]
        uses = site.index.uses("app", row.address, now - MONTH_SECONDS)
        own_model = next((offer.asset for offer in models if offer.app == row.address), "")
        named = {row.address, *(offer.asset for offer in models), *(task.dataset for task in tasks)}
        context = {
            "app": row,
            "details": details,
            "offer": offers[0] if offers else None,
            "record": site.index.record("app", row),
            "models": models,
            "selected_model": query_text(request, "model") or own_model,
            "states": await site.task_states.shown(tasks),
            "is_owner": row.owner == site.visitor_address(request),
            "offers": offers,
            "names": site.index.names(named),
            "tasks": tasks,
            "usage_chart": charts.daily_bars(charts.count_by_day(uses, now), f"{len(uses)} runs in the last 30 days"),
            "computing_price": computing_price,
            "pools": pinned_pools(site.network),
            "python": site.network.python,
        }
        return site.page(request, "app.html", context)

    @post("/apps/{address:str}/run")
    async def run(address: FromPath[str], request: WebRequest) -> Redirect:
        client, form = await site.client(request), await parse_form(request)
        uploads = [upload for upload in form.getall("files", []) if isinstance(upload, UploadFile)]
        steps: list[ProgressStep] = []
        bought = await client.run(
            path_address(address),
            str(form.get("model", "")) or None,
            files=await read_uploads(uploads),
            args=split_arguments(str(form.get("args", ""))),
            max_price=form_text(form, "max_price") or None,
            pool=form_text(form, "pool"),
            on_progress=steps.append,
        )
        return await site.redirect_when_indexed(f"/tasks/{bought.task}", *(step.what for step in steps if step.lasting))

    @post("/apps/{address:str}/quote", status_code=200)
    async def quote(address: FromPath[str], request: WebRequest) -> Response[bytes]:
        session, form = await signing_session(site, request), await parse_form(request)
        model, pool = form_text(form, "model") or None, form_text(form, "pool")
        quoted = await session.client.quote(path_address(address), model, pool=pool, check_inputs=False)
        names = site.index.names({quoted.app, quoted.pool, quoted.model or quoted.app})
        context = {"quote": quoted, "names": names, "money": sentence(UNMATCHED)}
        return site.fragment(request, "quote.html", context)

    return [store, app, run, quote]


async def _cheapest_computing(site: Site) -> int | None:
    """Return the lowest price of the pinned pools for a short task, nRLC; None if none has an offer."""
    category, pools = str(site.network.short_category), pinned_pools(site.network)
    pages = await asyncio.gather(
        *(site.conn.market.orders("workerpoolorders", category=category, workerpool=pool.address) for pool in pools)
    )
    return min((int(found.order["workerpoolprice"]) for page in pages for found in page), default=None)


async def _card(site: Site, row: Any) -> dict[str, Any]:
    offers, details = await asyncio.gather(
        offers_of(site.conn, "App", row.address, 1), site.app_bundles.details(row.multiaddr, row.checksum)
    )
    offer = offers[0] if offers else None
    return {"app": row, "details": details, "offer": offer, "record": site.index.record("app", row)}

"""App store: the list of apps, each app's page, and the form that buys a run."""

import asyncio
import urllib.parse
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from sealgrid.bundle.input_schema import input_schema
from sealgrid.bundle.model_signature import ModelSignature
from sealgrid.bundle.tensor_check import example_tensors
from sealgrid.errors import InputRefused, NotFound
from sealgrid.poco.tags import TEE_BIT
from sealgrid.sdk.money import UNMATCHED, sentence
from sealgrid.sdk.operations.asset_names import parse_name
from sealgrid.sdk.operations.pool_selection import pinned_pools
from sealgrid.sdk.operations.release_marks import released_apps
from sealgrid.sdk.progress import ProgressStep
from sealgrid.units import Address
from sealgrid.web.forms import form_text, parse_form, path_address, read_uploads
from sealgrid.web.html import charts
from sealgrid.web.html.snippets import example_run, snippets
from sealgrid.web.index.reader import TaskFilter
from sealgrid.web.offers import models_for, offers_of
from sealgrid.web.pages.asset_lists import list_context
from sealgrid.web.run_form import RunForm, example_name, form_arguments, form_secrets, spec_of
from sealgrid.web.site import Site, WebRequest, is_htmx, query_text
from sealgrid.web.storage_cache import AppDetails
from sealgrid.web.wallets.signing_steps import signing_session

MONTH_SECONDS: Final = 30 * 24 * 3600
MAX_UNLISTED: Final = 5  #: newer versions without an offer that are skipped
EXAMPLE_TENSORS: Final = "example.json"  #: a model's example input, made from its public signature


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of the app store."""

    @get("/")
    async def store(request: WebRequest) -> Response[bytes]:
        return site.page(
            request, "app_cards.html" if is_htmx(request) else "apps.html", await _list_context(site, request)
        )

    @get("/apps/{address:str}")
    async def app(address: FromPath[str], request: WebRequest) -> Response[bytes]:
        row = site.index.asset(path_address(address))
        if row is None or row.kind != "App":
            raise NotFound(f"there is no app at {address[:60]} on this network.", money="")
        offers, models, details, computing_price, released, newer = await asyncio.gather(
            offers_of(site.conn, "App", row.address),
            models_for(site.conn, row.address),
            site.app_bundles.details(row.multiaddr, row.checksum),
            _cheapest_computing(site),
            asyncio.to_thread(released_apps, site.network.python),
            _newer_version(site, row),
        )
        now = int(site.clock())
        tasks = site.index.tasks(TaskFilter({"app": row.address}))[:8]
        uses = site.index.uses("app", row.address, now - MONTH_SECONDS)
        own_model = next((offer.asset for offer in models if offer.app == row.address), "")
        chosen_model = query_text(request, "model")
        selected_model = path_address(chosen_model) if chosen_model else own_model
        spec = spec_of(details)
        named = {row.address, *(offer.asset for offer in models), *(task.dataset for task in tasks)}
        context = {
            "app": row,
            "details": details,
            "release": released.mark(row.checksum, *_names(row, details)),
            "newer": newer,
            "offer": next((each for each in offers if each.tee), None),
            "record": site.index.record("app", row),
            "models": models,
            "form": RunForm(
                app=row.address,
                name=details.manifest.name if details else row.name,
                spec=spec,
                models=models,
                selected_model=selected_model,
                fixed_model=False,
                pools=pinned_pools(site.network),
                example=example_name(details),
                example_path=f"/apps/{row.address}/example",
            ),
            "snippets": snippets(example_run(row.address, spec, selected_model), site=script_url(site, request)),
            "states": await site.task_states.shown(tasks),
            "is_owner": row.owner == site.visitor_address(request),
            "offers": offers,
            "names": site.index.names(named),
            "tasks": tasks,
            "usage_chart": charts.daily_bars(charts.count_by_day(uses, now), f"{len(uses)} runs in the last 30 days"),
            "computing_price": computing_price,
            "python": site.network.python,
        }
        return site.page(request, "app.html", context)

    @post("/apps/{address:str}/run")
    async def run(address: FromPath[str], request: WebRequest) -> Redirect:
        client, form = await site.client(request), await parse_form(request)
        details = await _details(site, path_address(address))
        spec = spec_of(details)
        if details is None and any(name.startswith(("arg-", "secret-")) for name in form):
            raise InputRefused("the app's bundle cannot be read now, so its arguments are unknown; try again later.")
        uploads = [upload for upload in form.getall("files", []) if isinstance(upload, UploadFile)]
        steps: list[ProgressStep] = []
        bought = await client.run(
            path_address(address),
            str(form.get("model", "")) or None,
            files=await read_uploads(uploads),
            args=form_arguments(spec, form),
            secrets=form_secrets(spec, form),
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

    @get("/apps/{address:str}/inputs.schema.json")
    async def schema(address: FromPath[str]) -> Response[bytes]:
        details = await _known_details(site, address)
        document = msgspec.json.format(msgspec.json.encode(input_schema(details.manifest)))
        return Response(document, media_type="application/schema+json")

    @get("/apps/{address:str}/example")
    async def example(address: FromPath[str]) -> Response[bytes]:
        details = await _known_details(site, address)
        if not details.example:
            raise NotFound("this app has no example input.", money="")
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{urllib.parse.quote(example_name(details))}"}
        return Response(details.example, media_type="application/octet-stream", headers=headers)

    return [store, app, run, quote, schema, example]


async def _list_context(site: Site, request: WebRequest) -> dict[str, Any]:
    released = await asyncio.to_thread(released_apps, site.network.python)
    context = await list_context(site, request, "App") | {"counts": site.index.counts()}
    for card in context["cards"]:
        asset = card["asset"]
        card["release"] = released.mark(asset.checksum, asset.name, asset.title or "")
    return context


async def _details(site: Site, app: Address) -> AppDetails | None:
    """Return an app's verified manifest; None for an unknown app, or one whose bundle is not available."""
    row = site.index.asset(app)
    if row is None or row.kind != "App":
        return None
    return await site.app_bundles.details(row.multiaddr, row.checksum)


async def _known_details(site: Site, address: str) -> AppDetails:
    details = await _details(site, path_address(address))
    if details is None:
        raise NotFound(f"there is no app with a readable bundle at {address[:60]} on this network.", money="")
    return details


async def run_form_of(site: Site, app: Address, model: Address, signature: ModelSignature | None) -> RunForm | None:
    """Return the form that buys a run of an app on one model; None while the app is not offered or cannot run here."""
    row, details = site.index.asset(app), await _details(site, app)
    offers = await offers_of(site.conn, "App", app, 1)
    if row is None or details is None or not offers or details.manifest.python != site.network.python:
        return None
    spec = spec_of(details)
    takes_tensors = spec is not None and spec.files is not None and spec.files.tensors
    of_model = takes_tensors and signature is not None and example_tensors(signature) is not None
    return RunForm(
        app=app,
        name=details.manifest.name,
        spec=spec,
        models=(),
        selected_model=model,
        fixed_model=True,
        pools=pinned_pools(site.network),
        example=EXAMPLE_TENSORS if of_model else example_name(details),
        example_path=f"/models/{model}/{EXAMPLE_TENSORS}" if of_model else f"/apps/{app}/example",
    )


def script_url(site: Site, request: WebRequest) -> str:
    """Return the site's URL for programs that buy with its development wallets; empty where it has none."""
    return f"{request.url.scheme}://{request.url.netloc}" if site.dev_wallets.is_enabled else ""


async def _cheapest_computing(site: Site) -> int | None:
    """Return the lowest price of the pinned pools for a short task, nRLC; None if none has an offer."""
    category, pools = str(site.network.short_category), pinned_pools(site.network)
    pages = await asyncio.gather(
        *(
            site.conn.market.orders("workerpoolorders", category=category, workerpool=pool.address, minTag=TEE_BIT)
            for pool in pools
        )
    )
    return min((int(found.order["workerpoolprice"]) for page in pages for found in page), default=None)


async def _newer_version(site: Site, row: Any) -> Any | None:
    """Return the newest version of an app that its owner offers, as the index has it; None if this is the newest."""
    this = parse_name(row.name)
    versions = {parse_name(each.name): each for each in site.index.versions("App", row.owner, this.base)}
    newest = sorted((name for name in versions if name.version > this.version), key=lambda name: -name.version)
    for name in newest[:MAX_UNLISTED]:
        if await offers_of(site.conn, "App", versions[name].address, 1):
            return versions[name]
    return None


def _names(row: Any, details: AppDetails | None) -> tuple[str, ...]:
    """Return the names and the title under which pages show an app."""
    return (row.name, details.manifest.name, details.manifest.title) if details else (row.name,)

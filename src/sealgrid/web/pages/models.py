"""Data marketplace: the list of models and data, each one's page with access and protection, and its recorded uses."""

import asyncio
from typing import Any, Final

from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.attestation.policy import UNLIMITED, Platform
from sealgrid.bundle.tensor_check import example_tensors
from sealgrid.chain.access_policy import FOREVER, AccessGrant
from sealgrid.errors import NotFound, SealgridError
from sealgrid.sdk.model_cards import CardSubject, ModelCard
from sealgrid.sdk.operations.access_grants import read_grants
from sealgrid.sdk.operations.key_versions import is_iexec_key, key_versions, opened_task, unopened_task, views_of
from sealgrid.sdk.operations.usage import UsageReport
from sealgrid.sdk.operations.usage_evidence import usage_of
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.web.forms import path_address
from sealgrid.web.html import charts
from sealgrid.web.html.snippets import example_run, snippets
from sealgrid.web.index.reader import TaskFilter
from sealgrid.web.offers import OpenOffer, offers_of
from sealgrid.web.pages.apps import MONTH_SECONDS, run_form_of, script_url
from sealgrid.web.pages.asset_lists import list_context
from sealgrid.web.pages.versions import asset_versions, newer_version
from sealgrid.web.run_form import RunForm
from sealgrid.web.site import Site, WebRequest, is_htmx, query_text
from sealgrid.wire.server import json_response

MAX_USES: Final = 50
TABS: Final = {"": "Overview", "api": "API", "versions": "Versions"}  #: of a model's page
USES_DAYS: Final = 30


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of the data marketplace."""

    @get("/models")
    async def store(request: WebRequest) -> Response[bytes]:
        context = await list_context(site, request, "Dataset") | {"apps": site.index.apps_of_models()}
        return site.page(request, "model_cards.html" if is_htmx(request) else "models.html", context)

    @get("/models/{address:str}")
    async def model(address: FromPath[str], request: WebRequest) -> Response[bytes]:
        row = _model_row(site, address)
        tab = next((each for each in TABS if each == query_text(request, "tab")), "")
        versions = asset_versions(site, row)
        context = await _model_context(site, row, request)
        context |= {"tab": tab, "tabs": TABS, "all_versions": versions, "newer": newer_version(row, versions)}
        return site.page(request, "model.html", context)

    @get("/models/{address:str}/signature.json")
    async def signature(address: FromPath[str]) -> Response[bytes]:
        row = _model_row(site, address)
        card = await site.model_cards.card(row.checksum, CardSubject(row.owner, row.name, site.conn.domain))
        return json_response(card.signature if card else None)

    @get("/models/{address:str}/example.json")
    async def example(address: FromPath[str]) -> Response[bytes]:
        row = _model_row(site, address)
        card = await site.model_cards.card(row.checksum, CardSubject(row.owner, row.name, site.conn.domain))
        content = example_tensors(card.signature) if card and card.signature else None
        if content is None:
            raise NotFound("this model has no example input.", money="")
        headers = {"content-disposition": "attachment; filename=example.json"}
        return Response(content, media_type=MediaType.JSON, headers=headers)

    @get("/models/{address:str}/uses")
    async def uses(address: FromPath[str], request: WebRequest) -> Response[bytes]:
        row = _model_row(site, address)
        try:  # reads every release from the vaults' logs, verified against each other and the chain
            report, problem = await usage_of(site.conn, row.address), ""
        except SealgridError as error:
            report, problem = UsageReport(row.address, (), ()), error.message
        days = charts.count_by_day([use.time for use in report.uses], int(site.clock()), USES_DAYS)
        label = f"{sum(days)} releases in the last {USES_DAYS} days, at most {max(days)} a day"
        context = {
            "model": row,
            "report": report,
            "uses": report.uses[::-1][:MAX_USES],
            "problem": problem,
            "names": site.index.names({use.app for use in report.uses}),
            "logs": len(site.conn.logs),
            "chart": charts.daily_bars(days, label),
        }
        return site.fragment(request, "uses.html", context)

    return [store, model, signature, example, uses]


def _model_row(site: Site, address: str) -> Any:
    row = site.index.asset(path_address(address))
    if row is None or row.kind != "Dataset":
        raise NotFound(f"there is no model at {address[:60]} on this network.", money="")
    return row


async def _model_context(site: Site, row: Any, request: WebRequest) -> dict[str, Any]:
    visitor, url = site.visitor_address(request), script_url(site, request)
    offers, views, sealed_size, card = await asyncio.gather(
        offers_of(site.conn, "Dataset", row.address),
        views_of(site.conn, row.address, row.owner),
        _sealed_size(site, row.checksum),
        site.model_cards.card(row.checksum, CardSubject(row.owner, row.name, site.conn.domain)),
    )
    now = int(site.clock())
    uses = site.index.uses("dataset", row.address, now - MONTH_SECONDS)
    tasks = site.index.tasks(TaskFilter({"dataset": row.address}))[:8]
    policies = [view.policy for view in views if view is not None and view.policy is not None]
    policy = max(policies, key=lambda policy: policy.version, default=None)
    app_digests = {allowance.app for allowance in policy.allowed} if policy else set()
    registered = {row.checksum: row for row in site.index.with_checksums("App", app_digests)}
    app = next((offer.app for offer in offers if offer.app != ZERO_ADDRESS), None)
    app = app or next((each.address for each in registered.values()), None)
    states, form, buyers = await asyncio.gather(
        site.task_states.shown(tasks),
        _run_form(site, app, row.address, card),
        _granted_buyers(site, offers),
    )
    return {
        "model": row,
        "form": form,
        "snippets": snippets(example_run(form.app, form.spec, row.address), site=url) if form else (),
        "offers": offers,
        "views": views,
        "policy": policy,
        "apps": [
            {"digest": digest, "name": app.name if app else "", "address": app.address if app else ""}
            for digest in sorted(app_digests)
            for app in (registered.get(digest),)
        ],
        "platforms": sorted({Platform(allowance.platform).name for allowance in policy.allowed}) if policy else [],
        "record": site.index.record("dataset", row),
        "is_owner": row.owner == visitor,
        "sealed_size": sealed_size,
        "card": card,
        "buyers": buyers,
        "is_restricted": bool(offers) and all(offer.buyer != ZERO_ADDRESS for offer in offers),
        "unlimited": UNLIMITED,
        "forever": FOREVER,
        "now": now,
        "versions": key_versions(views),
        "iexec": is_iexec_key(views),
        "unopened": unopened_task(views),
        "opened": opened_task(views),
        "names": site.index.names({row.address, *(offer.app for offer in offers), *(task.app for task in tasks)}),
        "tasks": tasks,
        "states": states,
        "usage_chart": charts.daily_bars(charts.count_by_day(uses, now), f"{len(uses)} uses in the last 30 days"),
    }


async def _run_form(site: Site, app: Address | None, model: Address, card: ModelCard | None) -> RunForm | None:
    return None if app is None else await run_form_of(site, app, model, card.signature if card else None)


async def _sealed_size(site: Site, checksum: Digest) -> int | None:
    try:
        return await site.conn.storage.size(checksum)
    except SealgridError:
        return None


async def _granted_buyers(site: Site, offers: list[OpenOffer]) -> list[AccessGrant]:
    """Return the accounts with access, each with the latest expiry among the offers."""
    expiries: dict[Address, int] = {}
    restrictions = {offer.buyer for offer in offers} - {ZERO_ADDRESS}
    for members in await asyncio.gather(*(read_grants(site.conn, each) for each in restrictions)):
        for member in members:
            expiries[member.account] = max(expiries.get(member.account, 0), member.until)
    return [AccessGrant(account, until) for account, until in sorted(expiries.items())]

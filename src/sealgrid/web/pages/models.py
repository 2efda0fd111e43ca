"""The Data Marketplace: models and data for sale, who may use them and until when, and what protects them."""

import asyncio
from collections.abc import Sequence
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from sealgrid.attestation.policy import UNLIMITED, Platform, Policy
from sealgrid.chain.access_policy import FOREVER, AccessGrant
from sealgrid.errors import NotFound, SealgridError
from sealgrid.sdk.operations.access_grants import read_grants
from sealgrid.sdk.operations.key_versions import is_iexec_key, key_versions, opened_task, unopened_task, views_of
from sealgrid.units import ZERO_ADDRESS, Address, Digest
from sealgrid.web import charts
from sealgrid.web.index.index import CARDS, TaskFilter
from sealgrid.web.offers import OpenOffer, offers_of
from sealgrid.web.pages.apps import MONTH, asset_of
from sealgrid.web.site import Ask, Site, page_of, text_of
from sealgrid.wire.vault import AssetView


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of these pages."""

    @get("/models")
    async def shop(request: Ask) -> Response[bytes]:
        search, page = text_of(request, "q"), page_of(request)
        rows = site.index.assets("Dataset", search=search, page=page, size=CARDS)
        cards = await asyncio.gather(*(_card(site, row) for row in rows[:CARDS]))
        names = site.index.names({card["offer"].app for card in cards if card["offer"]})
        context = {"cards": cards, "names": names, "search": search, "page": page, "more": len(rows) > CARDS}
        return site.page(request, "cards_of_models.html" if "hx-request" in request.headers else "models.html", context)

    @get("/models/{address:str}")
    async def model(address: str, request: Ask) -> Response[bytes]:
        row = model_row(site, address)
        return site.page(request, "model.html", await _shown(site, row, mine=row.owner == site.me(request)))

    return [shop, model]


def model_row(site: Site, address: str) -> Any:
    """Return the index's row of a model; raise NotFound when there is none."""
    row = site.index.asset(asset_of(address))
    if row is None or row.kind != "Dataset":
        raise NotFound(f"no model stands at {address[:60]} on this network.", money="")
    return row


async def _shown(site: Site, row: Any, *, mine: bool) -> dict[str, Any]:
    offers, views, sealed, card = await asyncio.gather(
        offers_of(site.reader, "Dataset", row.address),
        views_of(site.reader, row.address, row.owner),
        _sealed_size(site, row.checksum),
        site.cards.card(row.checksum),
    )
    now = int(site.clock())
    used = site.index.uses("dataset", row.address, now - MONTH)
    tasks = site.index.tasks(TaskFilter({"dataset": row.address}))[:8]
    policy = _newest(views)
    buyers = await _buyers(site, offers)
    return {
        "model": row,
        "offers": offers,
        "views": views,
        "policy": policy,
        "apps": _allowed(site, policy),
        "platforms": sorted({Platform(each.platform).name for each in policy.allowed}) if policy else [],
        "record": site.index.record("dataset", row),
        "mine": mine,
        "sealed": sealed,
        "card": card,
        "buyers": buyers,
        "restricted": bool(offers) and all(offer.buyer != ZERO_ADDRESS for offer in offers),
        "unlimited": UNLIMITED,
        "forever": FOREVER,
        "now": now,
        "versions": key_versions(views),
        "iexec": is_iexec_key(views),
        "unopened": unopened_task(views),
        "opened": opened_task(views),
        "names": site.index.names({row.address, *(each.app for each in offers), *(task.app for task in tasks)}),
        "tasks": tasks,
        "usage": charts.per_month(charts.per_day(used, now), f"{len(used)} uses in the last 30 days"),
    }


async def _sealed_size(site: Site, checksum: Digest) -> int | None:
    try:
        return await site.reader.storage.size(checksum)
    except SealgridError:
        return None


async def _buyers(site: Site, offers: list[OpenOffer]) -> list[AccessGrant]:
    """Return who was granted the model, and the latest time that any of its offers says."""
    found: dict[Address, int] = {}
    for restriction in sorted({offer.buyer for offer in offers} - {ZERO_ADDRESS}):
        for member in await read_grants(site.reader, restriction):
            found[member.account] = max(found.get(member.account, 0), member.until)
    return [AccessGrant(account, until) for account, until in sorted(found.items())]


def _newest(views: Sequence[AssetView | None]) -> Policy | None:
    told = [view.policy for view in views if view is not None and view.policy is not None]
    return max(told, key=lambda policy: policy.version, default=None)


def _allowed(site: Site, policy: Policy | None) -> list[dict[str, str]]:
    wanted = {each.app for each in policy.allowed} if policy else set()
    known = {row.checksum: row for row in site.index.with_checksums("App", wanted)}
    return [
        {"digest": digest, "name": row.name if row else "", "address": row.address if row else ""}
        for digest in sorted(wanted)
        for row in (known.get(digest),)
    ]


async def _card(site: Site, row: Any) -> dict[str, Any]:
    offers = await offers_of(site.reader, "Dataset", row.address, 1)
    return {"model": row, "offer": offers[0] if offers else None, "record": site.index.record("dataset", row)}

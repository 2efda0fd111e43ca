"""The Data Marketplace: models and data for sale, who may use them, how often they were used; and selling one's own."""

import asyncio
import tempfile
from pathlib import Path, PurePath
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from sealgrid.attestation.policy import Platform, Policy
from sealgrid.errors import InputRefused, NotFound, SealgridError
from sealgrid.sdk.face.listings import Offer, open_offers
from sealgrid.units import Address
from sealgrid.web import charts
from sealgrid.web.forms import form_of
from sealgrid.web.index.reading import PAGE, TaskFilter
from sealgrid.web.pages.apps import MONTH, asset_of
from sealgrid.web.site import Ask, Site, page_of, text_of
from sealgrid.wire.vault import AssetView


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of these pages."""

    @get("/models")
    async def shop(request: Ask) -> Response[bytes]:
        search, page = text_of(request, "q"), page_of(request)
        rows = site.index.assets("Dataset", search=search, page=page)
        cards = await asyncio.gather(*(_card(site, row) for row in rows[:PAGE]))
        context = {"cards": cards, "search": search, "page": page, "more": len(rows) > PAGE}
        return site.page(request, "cards_of_models.html" if "hx-request" in request.headers else "models.html", context)

    @get("/models/new")
    async def new(request: Ask) -> Response[bytes]:
        return site.page(request, "publish.html", {"apps": site.index.assets("App")})

    @post("/models/new")
    async def publish(request: Ask) -> Redirect:
        client, form = await site.client(request), await form_of(request)
        upload = form.get("file")
        if not isinstance(upload, UploadFile) or not upload.filename:
            raise InputRefused("choose the file of the model.")
        with tempfile.TemporaryDirectory(prefix="sealgrid-") as folder:
            path = Path(folder) / PurePath(upload.filename).name
            path.write_bytes(await upload.read())
            made = await client.models.publish(
                path, app=str(form["app"]), price=str(form["price"]), name=str(form.get("name", "")) or None,
                uses=int(str(form.get("uses", "1000"))),
            )  # fmt: skip
        await site.until_indexed()
        return Redirect(f"/models/{made.address}", status_code=303)

    @get("/models/{address:str}")
    async def model(address: str, request: Ask) -> Response[bytes]:
        row = site.index.asset(asset_of(address))
        if row is None or row.kind != "Dataset":
            raise NotFound(f"no model stands at {address[:60]} on this network.", money="")
        offers, views = await asyncio.gather(
            open_offers(site.reader, "Dataset", row.address), held(site, row.address, row.owner)
        )
        used = site.index.uses("dataset", row.address, int(site.clock()) - MONTH)
        policy = next((view.policy for view in views if view is not None and view.policy is not None), None)
        context = {
            "model": row, "offers": offers, "views": views, "policy": policy, "apps": _allowed(site, policy),
            "platforms": sorted({Platform(each.platform).name for each in policy.allowed}) if policy else [],
            "record": site.index.record("dataset", row.address),
            "mine": site.people.name(row.owner) == site.account(request),
            "tasks": site.index.tasks(TaskFilter({"dataset": row.address}))[:8],
            "usage": charts.bars(charts.per_day(used, int(site.clock())), f"{len(used)} uses in the last 30 days"),
        }  # fmt: skip
        return site.page(request, "model.html", context)

    @post("/models/{address:str}/unlist")
    async def unlist(address: str, request: Ask) -> Redirect:
        client, _ = await site.client(request), await form_of(request)
        await client.models.unlist(asset_of(address))
        return Redirect(f"/models/{address}", status_code=303)

    return [shop, new, publish, model, unlist]


async def held(site: Site, asset: Address, owner: Address) -> list[AssetView | None]:
    """Return what each vault tells of its share of an asset; None for one that has none or does not answer."""

    async def ask(vault: Any) -> AssetView | None:
        try:
            view: AssetView = await vault.asset(asset, owner)
        except SealgridError:
            return None
        return view

    return list(await asyncio.gather(*(ask(vault) for vault in site.reader.vaults)))


def _allowed(site: Site, policy: Policy | None) -> list[dict[str, str]]:
    wanted = {each.app for each in policy.allowed} if policy else set()
    known = {row.checksum: row for row in site.index.with_checksums("App", wanted)}
    return [
        {"digest": digest, "name": row.name if row else "", "address": row.address if row else ""}
        for digest in sorted(wanted)
        for row in (known.get(digest),)
    ]


async def _card(site: Site, row: Any) -> dict[str, Any]:
    offers: tuple[Offer, ...] = await open_offers(site.reader, "Dataset", row.address)
    return {"model": row, "offer": offers[0] if offers else None, "record": site.index.record("dataset", row.address)}

"""Sell one's own models and data: publish, offer more uses, change the price, end the sale, say who may buy."""

import tempfile
from pathlib import Path, PurePath
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from sealgrid.bundle.archive import path_fault
from sealgrid.errors import InputRefused
from sealgrid.sdk.amounts import amount
from sealgrid.web.flash import begun
from sealgrid.web.forms import count_of, day_of, field_of, form_of
from sealgrid.web.pages.apps import asset_of
from sealgrid.web.rendering import day
from sealgrid.web.signing_steps import acting
from sealgrid.web.site import Ask, Site


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of these pages."""
    return [*_publishing(site), *_offering(site), *_granting(site)]


def _publishing(site: Site) -> list[HTTPRouteHandler]:
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
            path = Path(folder) / plain_name(upload.filename)
            path.write_bytes(await upload.read())
            made = await client.models.publish(
                path,
                app=field_of(form, "app") or None,
                name=field_of(form, "name") or None,
                price=field_of(form, "price"),
                uses=count_of(form, "uses"),
                card=field_of(form, "card"),
                unproved=bool(field_of(form, "unproved")),
            )
        return await site.done(f"/models/{made.address}", f"{made.name} is sealed and for sale.")

    return [new, publish]


def _offering(site: Site) -> list[HTTPRouteHandler]:
    @post("/models/{address:str}/offer")
    async def offer(address: str, request: Ask) -> Response[Any]:
        me, form = await acting(site, request), await form_of(request)
        uses = count_of(form, "uses")
        await me.client.models.offer(asset_of(address), price=field_of(form, "price"), uses=uses)
        return await me.done(f"/models/{address}", f"{uses} uses are for sale.")

    @post("/models/{address:str}/price")
    async def price(address: str, request: Ask) -> Response[Any]:
        me, form = await acting(site, request), await form_of(request)
        wanted = amount(field_of(form, "price"))
        done = await me.client.models.reprice(asset_of(address), wanted)
        return await me.done(
            f"/models/{address}", f"{done.uses} uses are for sale at {wanted} each.", *begun(done.unreached)
        )

    @post("/models/{address:str}/unlist")
    async def unlist(address: str, request: Ask) -> Response[Any]:
        me, _ = await acting(site, request), await form_of(request)
        done = await me.client.models.unlist(asset_of(address))
        return await me.done(
            f"/models/{address}", "It is off the market, for ever on the chain.", *begun(done.unreached)
        )

    return [offer, price, unlist]


def _granting(site: Site) -> list[HTTPRouteHandler]:
    @post("/models/{address:str}/grant")
    async def grant(address: str, request: Ask) -> Response[Any]:
        me, form = await acting(site, request), await form_of(request)
        person, until = field_of(form, "person"), day_of(form, "until")
        done = await me.client.models.grant(asset_of(address), person, until=until, app=field_of(form, "app") or None)
        said = f"{_who(site, done.account)} may buy it {'without end' if until is None else f'until {day(until)}'}."
        closed = "Whoever was not granted it may not buy it any more." if done.closed else ""
        return await me.done(f"/models/{address}", said, closed, *begun(done.unreached))

    @post("/models/{address:str}/revoke")
    async def revoke(address: str, request: Ask) -> Response[Any]:
        me, form = await acting(site, request), await form_of(request)
        running = bool(field_of(form, "running"))
        done = await me.client.models.revoke(asset_of(address), field_of(form, "person"), running=running)
        said = f"{_who(site, done.account)} may buy it no more." if done.access else ""
        earlier = (
            "The vaults refuse the key to what was bought before, too."
            if running
            else f"What was bought before may still get the key for {-(-done.worst_delay // 3600)} hours at most."
        )
        return await me.done(f"/models/{address}", said, earlier, *begun(done.unreached))

    return [grant, revoke]


def _who(site: Site, account: str) -> str:
    return site.people.name(account) or account


def plain_name(given: str) -> str:
    """Return the last part of what a browser calls a file; raise InputRefused where it is no file's name."""
    name = PurePath(given).name
    if (fault := path_fault(name)) is not None:
        raise InputRefused(f"the file's name {fault}; rename it.")
    return name

"""Forms of owners: publish a model, offer, reprice and unlist apps and models, grant and revoke access to models."""

import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from sealgrid.bundle.archive import path_fault
from sealgrid.errors import InputRefused
from sealgrid.sdk.amounts import amount
from sealgrid.web.forms import form_count, form_day, form_text, parse_form, path_address
from sealgrid.web.html.templates import day
from sealgrid.web.site import Site, WebRequest
from sealgrid.web.wallets.signing_steps import signing_session

_UNLISTED = "It is off the market; its offers are cancelled on the chain for good."


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of owners' forms."""
    return [
        *_publish_handlers(site),
        *_app_offer_handlers(site),
        *_model_offer_handlers(site),
        *_access_handlers(site),
    ]


def _publish_handlers(site: Site) -> list[HTTPRouteHandler]:
    @get("/models/new")
    async def new(request: WebRequest) -> Response[bytes]:
        return site.page(request, "publish.html", {"apps": site.index.assets("App")})

    @post("/models/new")
    async def publish(request: WebRequest) -> Redirect:
        client, form = await site.client(request), await parse_form(request)
        upload = form.get("file")
        if not isinstance(upload, UploadFile) or not upload.filename:
            raise InputRefused("choose the file of the model.")
        with tempfile.TemporaryDirectory(prefix="sealgrid-") as folder:
            path = Path(folder) / base_name(upload.filename)
            path.write_bytes(await upload.read())
            listing = await client.models.publish(
                path,
                app=form_text(form, "app") or None,
                name=form_text(form, "name") or None,
                price=form_text(form, "price"),
                uses=form_count(form, "uses"),
                card=form_text(form, "card"),
                unproved=bool(form_text(form, "unproved")),
            )
        notice = f"{listing.name} is sealed and for sale."
        return await site.redirect_when_indexed(f"/models/{listing.address}", notice)

    return [new, publish]


def _app_offer_handlers(site: Site) -> list[HTTPRouteHandler]:
    @post("/apps/{address:str}/offer")
    async def offer(address: str, request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        price, uses = amount(form_text(form, "price")), form_count(form, "uses")
        await session.client.apps.offer(path_address(address), price=price, uses=uses)
        return await session.finish(f"/apps/{address}", f"{uses} runs are for sale at {price} each.")

    @post("/apps/{address:str}/price")
    async def reprice(address: str, request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        price = amount(form_text(form, "price"))
        repriced = await session.client.apps.reprice(path_address(address), price)
        return await session.finish(f"/apps/{address}", f"{repriced.uses} runs are for sale at {price} each.")

    @post("/apps/{address:str}/unlist")
    async def unlist(address: str, request: WebRequest) -> Response[Any]:
        session, _ = await signing_session(site, request), await parse_form(request)
        await session.client.apps.unlist(path_address(address))
        return await session.finish(f"/apps/{address}", _UNLISTED)

    return [offer, reprice, unlist]


def _model_offer_handlers(site: Site) -> list[HTTPRouteHandler]:
    @post("/models/{address:str}/offer")
    async def offer(address: str, request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        uses = form_count(form, "uses")
        await session.client.models.offer(path_address(address), price=form_text(form, "price"), uses=uses)
        return await session.finish(f"/models/{address}", f"{uses} uses are for sale.")

    @post("/models/{address:str}/price")
    async def reprice(address: str, request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        price = amount(form_text(form, "price"))
        repriced = await session.client.models.reprice(path_address(address), price)
        notice = f"{repriced.uses} uses are for sale at {price} each."
        return await session.finish(f"/models/{address}", notice, *_capitalised(repriced.unreached))

    @post("/models/{address:str}/unlist")
    async def unlist(address: str, request: WebRequest) -> Response[Any]:
        session, _ = await signing_session(site, request), await parse_form(request)
        unlisted = await session.client.models.unlist(path_address(address))
        return await session.finish(f"/models/{address}", _UNLISTED, *_capitalised(unlisted.unreached))

    return [offer, reprice, unlist]


def _access_handlers(site: Site) -> list[HTTPRouteHandler]:
    @post("/models/{address:str}/grant")
    async def grant(address: str, request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        buyer, until, app = form_text(form, "buyer"), form_day(form, "until"), form_text(form, "app") or None
        granted = await session.client.models.grant(path_address(address), buyer, until=until, app=app)
        account = site.dev_wallets.name(granted.account) or granted.account
        notice = f"{account} may buy it {'without end' if until is None else f'until {day(until)}'}."
        closed = "Accounts without a grant can no longer buy it." if granted.closed else ""
        return await session.finish(f"/models/{address}", notice, closed, *_capitalised(granted.unreached))

    @post("/models/{address:str}/revoke")
    async def revoke(address: str, request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        running = bool(form_text(form, "running"))
        revoked = await session.client.models.revoke(path_address(address), form_text(form, "buyer"), running=running)
        account = site.dev_wallets.name(revoked.account) or revoked.account
        notice = f"{account} can no longer buy it." if revoked.access else ""
        earlier = (
            "The vaults also refuse the key to runs bought earlier."
            if running
            else f"Runs bought earlier can get the key for at most {-(-revoked.worst_delay // 3600)} more hours."
        )
        return await session.finish(f"/models/{address}", notice, earlier, *_capitalised(revoked.unreached))

    return [grant, revoke]


def _capitalised(sentences: Sequence[str]) -> list[str]:
    """Capitalise the SDK's sentences, which are written to follow a colon."""
    return [sentence[:1].upper() + sentence[1:] for sentence in sentences]


def base_name(filename: str) -> str:
    """Return the last part of an uploaded file's name; raise InputRefused if it is not a valid file name."""
    name = PurePath(filename).name
    if (fault := path_fault(name)) is not None:
        raise InputRefused(f"the file's name {fault}; rename it.")
    return name

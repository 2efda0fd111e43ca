"""Forms of a model's owner: publish a model, grant and revoke access to it."""

import asyncio
import tempfile
from pathlib import Path, PurePath
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from sealgrid.bundle.archive import path_fault
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.file_checks import shipped_digest
from sealgrid.sdk.operations.publish import POLICY_SECONDS, USES_PER_HOUR
from sealgrid.sdk.operations.release_marks import released_apps
from sealgrid.sdk.shipped_apps import ONNX_RUNNER
from sealgrid.web.forms import form_count, form_day, form_text, parse_form, path_address
from sealgrid.web.html.templates import day
from sealgrid.web.pages.sales import capitalised
from sealgrid.web.site import Site, WebRequest
from sealgrid.web.wallets.signing_steps import signing_session


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of forms about models and access to them."""

    @get("/models/new")
    async def new(request: WebRequest) -> Response[bytes]:
        released = await asyncio.to_thread(released_apps, site.network.python)
        apps = site.index.assets("App")
        context = {
            "apps": apps,
            "releases": {app.address: released.mark(app.checksum, app.name) for app in apps},
            "onnx_app": await asyncio.to_thread(shipped_digest, ONNX_RUNNER, site.network.python),
            "until": day(site.clock() + POLICY_SECONDS),
            "uses_per_hour": USES_PER_HOUR,
        }
        return site.page(request, "publish.html", context)

    @post("/models/new")
    async def publish(request: WebRequest) -> Redirect:
        client, form = await site.client(request), await parse_form(request)
        upload = form.get("file")
        if not isinstance(upload, UploadFile) or not upload.filename:
            raise InputRefused("choose the file of the model. Nothing was published.")
        lasting: list[str] = []  # notes on a table, and the price of the run that proves the key
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
                withhold_signature=bool(form_text(form, "withhold_signature")),
                unproved=bool(form_text(form, "unproved")),
                on_progress=lambda step: lasting.append(f"{step.what.rstrip('.')}.") if step.lasting else None,
                expiry=form_day(form, "until"),
                uses_per_requester_hour=form_count(form, "uses_per_hour"),
            )
        terms = sale_terms(listing.expiry, listing.uses_per_requester_hour)
        notice = f"{listing.name} is sealed and for sale."
        return await site.redirect_when_indexed(f"/models/{listing.address}", notice, terms, *capitalised(lasting))

    @post("/models/{address:str}/grant")
    async def grant(address: FromPath[str], request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        buyer, until, app = form_text(form, "buyer"), form_day(form, "until"), form_text(form, "app") or None
        granted = await session.client.models.grant(path_address(address), buyer, until=until, app=app)
        account = site.dev_wallets.name(granted.account) or granted.account
        end = day(granted.policy_expiry)
        notice = f"{account} may buy it until {f'its policy ends on {end}' if until is None else day(until)}."
        earlier = (
            f"Its policy ends before that, on {end}." if until is not None and until > granted.policy_expiry else ""
        )
        closed = "Accounts without a grant can no longer buy it." if granted.closed else ""
        return await session.finish(f"/models/{address}", notice, earlier, closed, *capitalised(granted.unreached))

    @post("/models/{address:str}/revoke")
    async def revoke(address: FromPath[str], request: WebRequest) -> Response[Any]:
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
        return await session.finish(f"/models/{address}", notice, earlier, *capitalised(revoked.unreached))

    return [new, publish, grant, revoke]


def sale_terms(expiry: int, uses_per_hour: int) -> str:
    """Return the sentence with the terms of a sale that its owner's policy sets."""
    return f"It is for sale until {day(expiry)}, with at most {uses_per_hour} uses an hour for each account."


def base_name(filename: str) -> str:
    """Return the last part of an uploaded file's name; raise InputRefused if it is not a valid file name."""
    name = PurePath(filename).name
    if (fault := path_fault(name)) is not None:
        raise InputRefused(f"the file's name {fault}; rename it.")
    return name

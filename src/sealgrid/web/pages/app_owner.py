"""The form that deploys an app from a zip, or from a folder that the browser packs."""

import asyncio
import tempfile
from pathlib import Path

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from sealgrid.errors import InputRefused
from sealgrid.web.app_upload import unpack_app
from sealgrid.web.forms import form_count, form_text, parse_form
from sealgrid.web.pages.sales import capitalised
from sealgrid.web.site import Site, WebRequest
from sealgrid.web.storage_cache import MAX_BUNDLE


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of ``/apps/new``."""

    @get("/apps/new")
    async def new(request: WebRequest) -> Response[bytes]:
        return site.page(request, "deploy.html", {"python": site.network.python, "max_bundle": MAX_BUNDLE})

    @post("/apps/new")
    async def deploy(request: WebRequest) -> Redirect:
        client, form = await site.client(request), await parse_form(request)
        upload = form.get("archive")
        if not isinstance(upload, UploadFile) or not upload.filename:
            raise InputRefused("choose the app's folder or its zip. Nothing was deployed.", money="")
        lasting: list[str] = []  # warnings
        with tempfile.TemporaryDirectory(prefix="sealgrid-") as target:
            folder = await asyncio.to_thread(unpack_app, await upload.read(), Path(target), site.network.python)
            listing = await client.apps.deploy(
                folder,
                price=form_text(form, "price"),
                uses=form_count(form, "uses"),
                on_progress=lambda step: lasting.append(f"{step.what.rstrip('.')}.") if step.lasting else None,
            )
        notice = f"{listing.name} is deployed and for sale."
        return await site.redirect_when_indexed(f"/apps/{listing.address}", notice, *capitalised(lasting))

    return [new, deploy]

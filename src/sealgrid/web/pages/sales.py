"""Forms of owners: offer, reprice and unlist apps and models."""

from collections.abc import Sequence
from typing import Any

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.sdk.amounts import amount
from sealgrid.web.forms import form_count, form_text, parse_form, path_address
from sealgrid.web.site import Site, WebRequest
from sealgrid.web.wallets.signing_steps import signing_session

_UNLISTED = "It is off the market; its offers are cancelled on the chain, for ever."


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of owners' forms."""

    @post("/apps/{address:str}/offer")
    async def offer_app(address: FromPath[str], request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        price, uses = amount(form_text(form, "price")), form_count(form, "uses")
        await session.client.apps.offer(path_address(address), price=price, uses=uses)
        return await session.finish(f"/apps/{address}", f"{uses} runs are for sale at {price} each.")

    @post("/apps/{address:str}/price")
    async def reprice_app(address: FromPath[str], request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        price = amount(form_text(form, "price"))
        repriced = await session.client.apps.reprice(path_address(address), price)
        return await session.finish(f"/apps/{address}", f"{repriced.uses} runs are for sale at {price} each.")

    @post("/apps/{address:str}/unlist")
    async def unlist_app(address: FromPath[str], request: WebRequest) -> Response[Any]:
        session, _ = await signing_session(site, request), await parse_form(request)
        await session.client.apps.unlist(path_address(address))
        return await session.finish(f"/apps/{address}", _UNLISTED)

    @post("/models/{address:str}/offer")
    async def offer_model(address: FromPath[str], request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        uses = form_count(form, "uses")
        await session.client.models.offer(path_address(address), price=form_text(form, "price"), uses=uses)
        return await session.finish(f"/models/{address}", f"{uses} uses are for sale.")

    @post("/models/{address:str}/price")
    async def reprice_model(address: FromPath[str], request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        price = amount(form_text(form, "price"))
        repriced = await session.client.models.reprice(path_address(address), price)
        notice = f"{repriced.uses} uses are for sale at {price} each."
        return await session.finish(f"/models/{address}", notice, *capitalised(repriced.unreached))

    @post("/models/{address:str}/unlist")
    async def unlist_model(address: FromPath[str], request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        model, delete_file = path_address(address), bool(form_text(form, "delete_file"))
        unlisted = await session.client.models.unlist(model, delete_file=delete_file)
        notices = [_UNLISTED]
        if delete_file and (row := site.index.asset(model)) is not None:
            site.model_cards.forget(row.checksum)
            notices += [f"{each.node} may still have its file: {each.reason}" for each in unlisted.nodes if each.reason]
            if all(each.removed for each in unlisted.nodes):
                notices.append("Its sealed file is removed from the storage.")
        return await session.finish(f"/models/{address}", *notices, *capitalised(unlisted.unreached))

    return [offer_app, reprice_app, unlist_app, offer_model, reprice_model, unlist_model]


def capitalised(sentences: Sequence[str]) -> list[str]:
    """Capitalise the SDK's sentences, which are written to follow a colon."""
    return [sentence[:1].upper() + sentence[1:] for sentence in sentences]

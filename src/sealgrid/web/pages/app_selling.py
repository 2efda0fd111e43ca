"""Sell one's own app: offer runs of it, change the price, end the sale."""

from typing import Any

from litestar import Response, post
from litestar.handlers import HTTPRouteHandler

from sealgrid.sdk.amounts import amount
from sealgrid.web.forms import count_of, field_of, form_of
from sealgrid.web.pages.apps import asset_of
from sealgrid.web.signing_steps import acting
from sealgrid.web.site import Ask, Site


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of an app's page that only its owner needs."""

    @post("/apps/{address:str}/offer")
    async def offer(address: str, request: Ask) -> Response[Any]:
        me, form = await acting(site, request), await form_of(request)
        wanted, uses = amount(field_of(form, "price")), count_of(form, "uses")
        await me.client.apps.offer(asset_of(address), price=wanted, uses=uses)
        return await me.done(f"/apps/{address}", f"{uses} runs are for sale at {wanted} each.")

    @post("/apps/{address:str}/price")
    async def price(address: str, request: Ask) -> Response[Any]:
        me, form = await acting(site, request), await form_of(request)
        wanted = amount(field_of(form, "price"))
        done = await me.client.apps.reprice(asset_of(address), wanted)
        return await me.done(f"/apps/{address}", f"{done.uses} runs are for sale at {wanted} each.")

    @post("/apps/{address:str}/unlist")
    async def unlist(address: str, request: Ask) -> Response[Any]:
        me, _ = await acting(site, request), await form_of(request)
        await me.client.apps.unlist(asset_of(address))
        return await me.done(f"/apps/{address}", "It is off the market, for ever on the chain.")

    return [offer, price, unlist]

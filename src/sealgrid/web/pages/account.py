"""One's own account: money, offers, models with their use, runs; and who one is: a development account or a wallet."""

import asyncio
from collections.abc import Sequence
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from sealgrid.errors import InputRefused
from sealgrid.sdk.amounts import amount
from sealgrid.sdk.external_wallet import recording_connection
from sealgrid.sdk.resources.account import AsyncAccount
from sealgrid.units import Address
from sealgrid.web.dev_wallet import OFFERED
from sealgrid.web.forms import field_of, form_of
from sealgrid.web.index.index import TaskFilter
from sealgrid.web.offers import OpenOffer, offers_by
from sealgrid.web.signing_steps import acting
from sealgrid.web.site import COOKIE, WALLET, Ask, Site

MOST_TASKS = MOST_EARNED = 12


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of these pages."""

    @get("/account")
    async def account(request: Ask) -> Response[bytes]:
        address = site.me(request)
        if address is None:
            return site.page(request, "nobody.html", {})
        return site.page(request, "account.html", await _shown(site, address))

    @post("/account/use")
    async def use(request: Ask) -> Redirect:
        name = field_of(await form_of(request), "name")
        if name not in OFFERED:
            raise InputRefused("there is no such development account.")
        answer = Redirect("/account", status_code=303)
        answer.set_cookie(COOKIE, name, httponly=True, samesite="strict")
        answer.delete_cookie(WALLET)
        return answer

    @post("/account/deposit")
    async def deposit(request: Ask) -> Response[Any]:
        me, form = await acting(site, request), await form_of(request)
        wanted = amount(field_of(form, "amount"))
        await me.client.account.deposit(wanted)
        return await me.done("/account", f"{wanted} went into escrow.")

    @post("/account/withdraw")
    async def withdraw(request: Ask) -> Response[Any]:
        me, form = await acting(site, request), await form_of(request)
        text = field_of(form, "amount")
        wanted = amount(text) if text else None
        await me.client.account.withdraw(wanted)
        return await me.done("/account", f"{wanted or 'All that was free'} went into the wallet.")

    return [account, use, deposit, withdraw]


async def _shown(site: Site, address: Address) -> dict[str, Any]:
    reading, _ = recording_connection(site.reader, address)
    balance, of_models, of_apps = await asyncio.gather(
        AsyncAccount(reading).balance(), offers_by(reading, "Dataset", address), offers_by(reading, "App", address)
    )
    rows = site.index.tasks(TaskFilter({"requester": address}))[:MOST_TASKS]
    models, apps = site.index.assets("Dataset", owner=address), site.index.assets("App", owner=address)
    named = {row.app for row in rows} | {row.dataset for row in rows} | {each.asset for each in (*of_models, *of_apps)}
    return {
        "address": address,
        "balance": balance,
        "models": _with_offers(models, of_models),
        "apps": _with_offers(apps, of_apps),
        "offers": [("models", of_models), ("apps", of_apps)],
        "earned": site.index.earned(address, MOST_EARNED),
        "total": site.index.earned_in_all(address),
        "tasks": rows,
        "names": site.index.names(named),
    }


def _with_offers(rows: Sequence[Any], offers: list[OpenOffer]) -> list[tuple[Any, OpenOffer | None]]:
    return [(row, next((offer for offer in offers if offer.asset == row.address), None)) for row in rows]

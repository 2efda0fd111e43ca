"""Account page: money, offers, models, apps, runs; and the choice of a development account."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from sealgrid.errors import InputRefused
from sealgrid.sdk.amounts import amount
from sealgrid.sdk.external_wallet import recording_connection
from sealgrid.sdk.resources.account import AsyncAccount
from sealgrid.web.forms import form_text, parse_form
from sealgrid.web.index.reader import PAGE_SIZE, TaskFilter
from sealgrid.web.offers import OpenOffer, offers_by
from sealgrid.web.site import ACCOUNT_COOKIE, WALLET_COOKIE, Site, WebRequest
from sealgrid.web.wallets.dev_wallets import CHOICES
from sealgrid.web.wallets.signing_steps import signing_session

MAX_TASKS: Final = 12
MAX_REWARDS: Final = 12


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of the account page."""

    @get("/account")
    async def account(request: WebRequest) -> Response[bytes]:
        address = site.visitor_address(request)
        if address is None:
            return site.page(request, "connect_wallet.html", {})
        conn, _ = recording_connection(site.conn, address)
        balance, model_offers, app_offers = await asyncio.gather(
            AsyncAccount(conn).balance(), offers_by(conn, "Dataset", address), offers_by(conn, "App", address)
        )
        tasks = site.index.tasks(TaskFilter({"requester": address}))[:MAX_TASKS]
        models, apps = site.index.assets("Dataset", owner=address), site.index.assets("App", owner=address)
        assets = {task.app for task in tasks} | {task.dataset for task in tasks}
        assets |= {offer.asset for offer in (*model_offers, *app_offers)}
        context = {
            "address": address,
            "balance": balance,
            "models": _with_offers(models[:PAGE_SIZE], model_offers),
            "apps": _with_offers(apps[:PAGE_SIZE], app_offers),
            "has_more_models": len(models) > PAGE_SIZE,
            "has_more_apps": len(apps) > PAGE_SIZE,
            "offers": [("models", model_offers), ("apps", app_offers)],
            "rewards": site.index.rewards(address, MAX_REWARDS),
            "total_earned": site.index.total_earned(address),
            "webhook": site.webhooks.url(site.dev_account(request)),
            "webhook_failures": site.webhooks.failures(site.dev_account(request)),
            "tasks": tasks,
            "states": await site.task_states.shown(tasks),
            "names": site.index.names(assets),
        }
        return site.page(request, "account.html", context)

    @post("/account/use")
    async def use(request: WebRequest) -> Redirect:
        name = form_text(await parse_form(request), "name")
        if name not in CHOICES or not site.dev_wallets.is_enabled:
            raise InputRefused("there is no such development account.")
        response = Redirect("/account", status_code=303)
        response.set_cookie(ACCOUNT_COOKIE, name, httponly=True, samesite="strict")
        response.delete_cookie(WALLET_COOKIE)
        return response

    @post("/account/deposit")
    async def deposit(request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        value = amount(form_text(form, "amount"))
        await session.client.account.deposit(value)
        return await session.finish("/account", f"{value} went into escrow.")

    @post("/account/withdraw")
    async def withdraw(request: WebRequest) -> Response[Any]:
        session, form = await signing_session(site, request), await parse_form(request)
        text = form_text(form, "amount")
        value = amount(text) if text else None
        await session.client.account.withdraw(value)
        return await session.finish("/account", f"{value or 'All free escrow'} went into the wallet.")

    return [account, use, deposit, withdraw]


def _with_offers(rows: Sequence[Any], offers: list[OpenOffer]) -> list[tuple[Any, OpenOffer | None]]:
    return [(row, next((offer for offer in offers if offer.asset == row.address), None)) for row in rows]

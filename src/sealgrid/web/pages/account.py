"""One's own account: money, models, runs; and, on a local network, who one is."""

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from sealgrid.errors import InputRefused
from sealgrid.sdk.amounts import amount
from sealgrid.web.forms import field_of, form_of
from sealgrid.web.index.reading import TaskFilter
from sealgrid.web.people import OFFERED
from sealgrid.web.site import COOKIE, Ask, Site


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of these pages."""

    @get("/account")
    async def account(request: Ask) -> Response[bytes]:
        if not site.people.built_in:
            return site.page(request, "wallet.html", {})
        client = await site.client(request)
        address, rows = client.account.address, site.index.tasks(TaskFilter({"requester": client.account.address}))[:12]
        context = {
            "address": address, "balance": await client.account.balance(), "people_here": OFFERED,
            "models": site.index.assets("Dataset", owner=address), "apps": site.index.assets("App", owner=address),
            "earned": site.index.earned(address, 12), "total": site.index.earned_in_all(address), "tasks": rows,
            "names": site.index.names({row.app for row in rows} | {row.dataset for row in rows}),
        }  # fmt: skip
        return site.page(request, "account.html", context)

    @post("/account/use")
    async def use(request: Ask) -> Redirect:
        name = str((await form_of(request)).get("name", ""))
        if name not in OFFERED:
            raise InputRefused("there is no such development account.")
        answer = Redirect("/account", status_code=303)
        answer.set_cookie(COOKIE, name, httponly=True, samesite="strict")
        return answer

    @post("/account/deposit")
    async def deposit(request: Ask) -> Redirect:
        client, form = await site.client(request), await form_of(request)
        wanted = amount(field_of(form, "amount"))
        await client.account.deposit(wanted)
        return await site.done("/account", f"{wanted} went into escrow.")

    @post("/account/withdraw")
    async def withdraw(request: Ask) -> Redirect:
        client, form = await site.client(request), await form_of(request)
        text = field_of(form, "amount")
        wanted = amount(text) if text else None
        await client.account.withdraw(wanted)
        return await site.done("/account", f"{wanted or 'All that was free'} went into the wallet.")

    return [account, use, deposit, withdraw]

"""Notifications of an account: events for the browser's script and other programs, and the form of a webhook."""

import asyncio
from dataclasses import asdict
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from sealgrid.errors import InputRefused
from sealgrid.web.forms import form_text, parse_form, path_address
from sealgrid.web.html.templates import day
from sealgrid.web.index.events import AccountEvent
from sealgrid.web.site import Site, WebRequest, query_text
from sealgrid.wire.server import json_response


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers of notifications."""

    @get("/account/events.json")
    async def events(request: WebRequest) -> Response[bytes]:
        given, now = query_text(request, "account"), int(site.clock())
        account = path_address(given) if given else site.visitor_address(request)
        found: list[AccountEvent] = []
        if account:
            found = await asyncio.to_thread(site.index.events, account, _since(request, now), now)
        return json_response({"now": now, "events": [event_document(event) for event in found]})

    @post("/account/webhook")
    async def webhook(request: WebRequest) -> Redirect:
        account, form = site.dev_account(request), await parse_form(request)
        if not account:
            raise InputRefused("this site calls webhooks for its own wallets only; poll /account/events.json instead.")
        url = form_text(form, "url")
        await site.webhooks.set(account, url)
        notice = f"Events of {account} are {f'sent to {url}' if url else 'no longer sent to a webhook'}."
        return await site.redirect_when_indexed("/account", notice)

    return [events, webhook]


def event_document(event: AccountEvent) -> dict[str, Any]:
    """Return an event as JSON, with a sentence for people."""
    return asdict(event) | {"text": event_sentence(event)}


def event_sentence(event: AccountEvent) -> str:
    """Return an event in words. The name is the asset's owner's text."""
    if event.kind == "sold":
        return f"A run of {event.name} was sold."
    if event.kind == "expiring":
        return f"The sale of {event.name} ends on {day(event.ends)}."
    if event.runs > 1:
        return f"{event.runs} runs of {event.name} {'are complete' if event.state == 'completed' else 'were refunded'}."
    return f"Your run of {event.name} {'is complete' if event.state == 'completed' else 'was refunded'}."


def _since(request: WebRequest, now: int) -> int:
    text = query_text(request, "since")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else now

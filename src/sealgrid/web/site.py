"""What every page works with."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment
from litestar import MediaType, Request, Response
from litestar.datastructures import State
from litestar.response import Redirect

from sealgrid.chain.hub import Hub
from sealgrid.sdk.client import AsyncClient
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.network import Network
from sealgrid.units import Address, to_address
from sealgrid.web.app_bundles import AppBundles
from sealgrid.web.dev_wallet import DevelopmentWallets
from sealgrid.web.flash import notice_in, redirect, told
from sealgrid.web.index.index import IndexReader
from sealgrid.web.model_cards import ModelCards
from sealgrid.web.timeline_limits import TimelineLimits

KNOWN_TRIES, KNOWN_PAUSE = 100, 0.1  #: seconds between two looks
COOKIE, WALLET = "sealgrid_account", "sealgrid_wallet"
Ask = Request[Any, Any, State]


@dataclass(frozen=True, slots=True)
class Site:
    """The open parts of one web app."""

    network: Network
    reader: Connection  #: reads for everybody; its key is random and owns nothing
    index: IndexReader
    bundles: AppBundles
    cards: ModelCards
    people: DevelopmentWallets
    templates: Environment
    followers: TimelineLimits = field(default_factory=TimelineLimits)
    clock: Callable[[], float] = time.time

    @property
    def hub(self) -> Hub:
        """Return the hub."""
        return self.reader.hub

    def account(self, request: Ask) -> str:
        """Return the development account that this browser acts as; empty without one, or with an own wallet."""
        return "" if self.wallet(request) else self.people.chosen(request.cookies.get(COOKIE))

    def wallet(self, request: Ask) -> Address | None:
        """Return the address that the visitor's own wallet shows; None where none is connected."""
        try:
            return to_address(request.cookies.get(WALLET, "").lower())
        except ValueError:
            return None

    def me(self, request: Ask) -> Address | None:
        """Return the address that this browser acts as; None where it brought no wallet yet."""
        return self.wallet(request) or self.people.address(self.account(request))

    async def client(self, request: Ask) -> AsyncClient:
        """Return the client of that account; raise InputRefused where there is no built-in wallet."""
        return await self.people.client(self.account(request))

    async def until_indexed(self) -> None:
        """Wait until the pages know what the chain knows now, for as long as a reader would: after each change."""
        head = await self.hub.node.block()
        for _ in range(KNOWN_TRIES):
            if self.index.height() >= head.number:
                return
            await asyncio.sleep(KNOWN_PAUSE)

    async def done(self, path: str, *sentences: str) -> Redirect:
        """Send a browser on after a change, once the pages know of it; the next page says these sentences."""
        await self.until_indexed()
        return redirect(path, *sentences)

    def page(self, request: Ask, template: str, context: Mapping[str, Any], *, status: int = 200) -> Response[bytes]:
        """Return a whole page, or a part of one when htmx asks for it."""
        notice = "" if "hx-request" in request.headers else notice_in(request.cookies)
        html = self.part(request, template, {"notice": notice, **context})
        answer = Response(html.encode(), status_code=status, media_type=MediaType.HTML)
        return told(answer) if notice else answer

    def asked_part(self, request: Ask, template: str, context: Mapping[str, Any]) -> Response[bytes]:
        """Return a part where a script of the page asks for it, a whole page around it for anybody else."""
        if "hx-request" in request.headers:
            return self.page(request, template, context)
        return self.page(request, "whole.html", {**context, "inner": template})

    def part(self, request: Ask, template: str, context: Mapping[str, Any]) -> str:
        """Return what a template makes of a context."""
        return self.templates.get_template(template).render(
            network=self.network,
            people=self.people,
            account=self.account(request),
            me=self.me(request),
            wallet=self.wallet(request),
            path=request.url.path,
            **context,
        )


def text_of(request: Ask, name: str) -> str:
    """Return a parameter of a page's address; empty when it is not there."""
    return str(request.query_params.get(name, ""))[:200]


def page_of(request: Ask) -> int:
    """Return which page of a list is asked for, from 0."""
    number = text_of(request, "page")
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 7 else 0

"""What the page handlers share: the site's services, the visitor's account, rendering, redirects with a notice."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote

from jinja2 import Environment
from litestar import MediaType, Request, Response
from litestar.datastructures import State
from litestar.response import Redirect

from sealgrid.chain.hub import Hub
from sealgrid.sdk.client import AsyncClient
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.network import Network
from sealgrid.units import Address, to_address
from sealgrid.web.index.reader import IndexReader
from sealgrid.web.storage_cache import AppBundles, ModelCards
from sealgrid.web.task_states import TaskStates
from sealgrid.web.timeline_limits import TimelineLimits
from sealgrid.web.wallets.dev_wallets import DevelopmentWallets
from sealgrid.web.webhooks import Webhooks

ACCOUNT_COOKIE: Final = "sealgrid_account"
WALLET_COOKIE: Final = "sealgrid_wallet"
_NOTICE_COOKIE: Final = "sealgrid_notice"
_MAX_NOTICE: Final = 1000  #: characters
MAX_UPLOAD: Final = 256 << 20  #: bytes of one form; the command line takes larger files
MAX_FILES_BYTES: Final = 250_000_000  #: of all files of one form
_INDEX_POLLS, _POLL_SECONDS = 100, 0.1
WebRequest = Request[Any, Any, State]
R = TypeVar("R", bound=Response[Any])


@dataclass(frozen=True, slots=True)
class Site:
    """The services of one running web app."""

    network: Network
    conn: Connection  #: read-only: its key is random and owns nothing
    index: IndexReader
    app_bundles: AppBundles
    model_cards: ModelCards
    dev_wallets: DevelopmentWallets
    templates: Environment
    task_states: TaskStates
    webhooks: Webhooks
    timeline_limits: TimelineLimits = field(default_factory=TimelineLimits)
    clock: Callable[[], float] = time.time

    @property
    def hub(self) -> Hub:
        """Return the hub."""
        return self.conn.hub

    def wallet_address(self, request: WebRequest) -> Address | None:
        """Return the address of the visitor's external wallet; None if none is connected."""
        try:
            return to_address(request.cookies.get(WALLET_COOKIE, "").lower())
        except ValueError:
            return None

    def dev_account(self, request: WebRequest) -> str:
        """Return the development account that the visitor chose; empty with an external wallet, or without any."""
        if self.wallet_address(request):
            return ""
        return self.dev_wallets.choose(request.cookies.get(ACCOUNT_COOKIE))

    def visitor_address(self, request: WebRequest) -> Address | None:
        """Return the address that the visitor acts as; None without a wallet."""
        return self.wallet_address(request) or self.dev_wallets.address(self.dev_account(request))

    async def client(self, request: WebRequest) -> AsyncClient:
        """Return the client of the visitor's development account; raise InputRefused if there is none."""
        return await self.dev_wallets.client(self.dev_account(request))

    async def wait_until_indexed(self) -> None:
        """Wait until the index has the chain's present head, ten seconds at most."""
        head = await self.hub.node.block()
        for _ in range(_INDEX_POLLS):
            if self.index.height() >= head.number:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def redirect_when_indexed(self, path: str, *sentences: str) -> Redirect:
        """Redirect after a change, once the index has it; the next page shows the sentences."""
        await self.wait_until_indexed()
        return set_notice(Redirect(path, status_code=303), *sentences)

    def page(
        self, request: WebRequest, template: str, context: Mapping[str, Any], *, status: int = 200
    ) -> Response[bytes]:
        """Render a template as the response; show the visitor's pending notice once, on a full page."""
        notice = "" if is_htmx(request) else unquote(request.cookies.get(_NOTICE_COOKIE, ""))[:_MAX_NOTICE]
        html = self.render(request, template, {"notice": notice, **context})
        # Without it, a browser's cache could show a fragment as the page of the same address.
        headers = {"vary": "hx-request"}
        response = Response(html.encode(), status_code=status, media_type=MediaType.HTML, headers=headers)
        if notice:
            response.delete_cookie(_NOTICE_COOKIE)
        return response

    def fragment(self, request: WebRequest, template: str, context: Mapping[str, Any]) -> Response[bytes]:
        """Render a fragment for htmx; wrap it in a full page for a direct visit."""
        if is_htmx(request):
            return self.page(request, template, context)
        return self.page(request, "fragment_page.html", {**context, "fragment": template})

    def render(self, request: WebRequest, template: str, context: Mapping[str, Any]) -> str:
        """Render a template with the variables that every template has."""
        return self.templates.get_template(template).render(
            network=self.network,
            dev_wallets=self.dev_wallets,
            account=self.dev_account(request),
            visitor=self.visitor_address(request),
            wallet=self.wallet_address(request),
            path=request.url.path,
            max_files_bytes=MAX_FILES_BYTES,
            **context,
        )


def is_htmx(request: WebRequest) -> bool:
    """Return whether htmx requests a fragment of a page."""
    return "hx-request" in request.headers


def query_text(request: WebRequest, name: str) -> str:
    """Return a query parameter, 200 characters at most; empty if missing."""
    return str(request.query_params.get(name, ""))[:200]


def page_number(request: WebRequest) -> int:
    """Return the requested page of a list, from 0; 0 if missing or malformed."""
    text = query_text(request, "page")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


def set_notice(response: R, *sentences: str) -> R:
    """Store sentences in a cookie; the browser's next page shows them once."""
    if text := join_sentences(sentences):
        response.set_cookie(_NOTICE_COOKIE, quote(text[:_MAX_NOTICE], safe=""), httponly=True, samesite="strict")
    return response


def join_sentences(sentences: Iterable[str]) -> str:
    """Join sentences with spaces; skip empty ones."""
    return " ".join(sentence for sentence in sentences if sentence)

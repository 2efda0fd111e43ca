"""Who may listen: so many connections, so many of one client, and short words at a bounded rate."""

import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs

from litestar.enums import ScopeType
from litestar.types import HTTPScope, Receive, Scope, Send

from sealgrid.errors import InputRefused, SealgridError, TooManyRequests
from sealgrid.market.config import MarketConfig
from sealgrid.market.feed.feed import MarketFeed
from sealgrid.wire.message import encode
from sealgrid.wire.rate_limit import RateLimit, TokenBuckets, client_of
from sealgrid.wire.server import MOST_WEBSOCKET_BYTES
from sealgrid.wire.service_access import ClientLimit, client_address

MESSAGES_PER_MINUTE: Final = 60  #: of one connection; it has to answer two pings
_log = logging.getLogger("sealgrid")


class FeedLimits:
    """An ASGI application in front of the feed's; ``clock`` in seconds, never backwards."""

    def __init__(self, feed: MarketFeed, config: MarketConfig, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._feed, self._config, self._clock = feed, config, clock
        self._requests = ClientLimit(config.access, clock=clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let somebody in who (1) does not ask too often, (2) says little at once and (3) finds room."""
        try:
            client = client_address(scope)
            self._requests.acquire(scope)  # (1)
            if scope["type"] == ScopeType.HTTP:
                _demand_brevity(scope)  # (2)
            self._demand_room(scope, client)  # (3)
        except SealgridError as error:
            await _refuse(scope, send, error)
            return
        heard = self._counted(receive) if scope["type"] == ScopeType.WEBSOCKET else receive
        try:
            await self._feed.app(scope, heard, send)
        except Exception:  # noqa: BLE001  engine.io lets some nonsense through, with which a client could fill the log
            _log.debug("a connection to the feed ended", exc_info=True)
            with contextlib.suppress(Exception):  # where it has ended already
                await _refuse(scope, send, InputRefused("that is no message of Socket.IO."))

    def _demand_room(self, scope: Scope, client: str) -> None:
        if b"sid" in parse_qs(scope["query_string"]):
            return  # a connection that is open already
        config = self._config
        if self._feed.count() >= config.listeners:
            raise TooManyRequests(f"{config.listeners} connections are open, the most that are; try again later.")
        mine = sum(client_of(each) == client for each in self._feed.clients())
        if config.listeners_per_client and mine >= config.listeners_per_client:
            raise TooManyRequests(f"{mine} connections of yours are open, the most of one client; close one.")

    def _counted(self, receive: Receive) -> Receive:
        said = TokenBuckets(RateLimit(MESSAGES_PER_MINUTE))

        async def counted() -> Any:
            event = await receive()
            if event["type"] == "websocket.receive" and said.take("", self._clock()):
                return {"type": "websocket.disconnect", "code": 1008, "reason": ""}
            return event

        return counted


def _demand_brevity(scope: HTTPScope) -> None:
    if scope["method"] != "POST":
        return
    length = dict(scope["headers"]).get(b"content-length", b"")
    if not length.isdigit() or len(length) > len(str(MOST_WEBSOCKET_BYTES)) or int(length) > MOST_WEBSOCKET_BYTES:
        raise InputRefused(f"say how long a message is; up to {MOST_WEBSOCKET_BYTES} bytes are read.")


async def _refuse(scope: Scope, send: Send, error: SealgridError) -> None:
    if scope["type"] == ScopeType.WEBSOCKET:
        await send({"type": "websocket.close", "code": 1008, "reason": error.message})
        return
    headers = [(b"content-type", b"application/json"), (b"access-control-allow-origin", b"*")]
    if isinstance(error, TooManyRequests) and error.seconds:
        headers.append((b"retry-after", str(error.seconds).encode()))
    await send({"type": "http.response.start", "status": error.http_status, "headers": headers})
    body = encode({"ok": False} | error.to_wire())
    await send({"type": "http.response.body", "body": body, "more_body": False})

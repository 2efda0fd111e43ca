"""Limits of the feed: connections, connections per client, message size and message rate."""

import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs

from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from sealgrid.errors import InputRefused, SealgridError, TooManyRequests
from sealgrid.market.config import MarketConfig
from sealgrid.market.feed.feed import MarketFeed
from sealgrid.wire.message import encode
from sealgrid.wire.rate_limit import RateLimit, TokenBuckets, client_of
from sealgrid.wire.server import MAX_WEBSOCKET_BYTES
from sealgrid.wire.service_access import ClientLimit, client_address

MESSAGES_PER_MINUTE: Final = 60  #: per connection; two of them answer pings
_log = logging.getLogger("sealgrid")


class FeedLimits:
    """ASGI middleware in front of the feed; ``clock`` is monotonic, in seconds."""

    def __init__(self, feed: MarketFeed, config: MarketConfig, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._feed, self._config, self._clock = feed, config, clock
        self._requests = ClientLimit(config.access, clock=clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection (1) within the request rate, (2) with short messages, (3) below the connection limits."""
        try:
            self._check(scope)
        except SealgridError as error:
            await _refuse(scope, send, error)
            return
        limited = self._limit_rate(receive) if scope["type"] == ScopeType.WEBSOCKET else receive
        try:
            await self._feed.app(scope, limited, send)
        except Exception:  # noqa: BLE001  engine.io raises for some malformed messages, which would fill the log
            _log.debug("a connection to the feed ended", exc_info=True)
            with contextlib.suppress(Exception):  # the connection may have ended
                await _refuse(scope, send, InputRefused("this is not a valid Socket.IO message."))

    def _check(self, scope: Scope) -> None:
        client = client_address(scope)
        # (1) request rate
        self._requests.acquire(scope)
        # (2) message length
        if scope["type"] == ScopeType.HTTP and scope["method"] == "POST":
            length = dict(scope["headers"]).get(b"content-length", b"")
            is_number = length.isdigit() and len(length) <= len(str(MAX_WEBSOCKET_BYTES))
            if not is_number or int(length) > MAX_WEBSOCKET_BYTES:
                raise InputRefused(f"send a content-length of at most {MAX_WEBSOCKET_BYTES} bytes.")
        # (3) connections
        if b"sid" in parse_qs(scope["query_string"]):
            return  # an open connection
        config = self._config
        if self._feed.count() >= config.listeners:
            raise TooManyRequests(
                f"{config.listeners} connections are open, the limit of this market; try again later."
            )
        client_count = sum(client_of(each) == client for each in self._feed.clients())
        if config.listeners_per_client and client_count >= config.listeners_per_client:
            raise TooManyRequests(f"{client_count} of your connections are open, the limit of one client; close one.")

    def _limit_rate(self, receive: Receive) -> Receive:
        bucket = TokenBuckets(RateLimit(MESSAGES_PER_MINUTE))

        async def counted() -> Any:
            event = await receive()
            if event["type"] == "websocket.receive" and bucket.take("", self._clock()):
                return {"type": "websocket.disconnect", "code": 1008, "reason": ""}
            return event

        return counted


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

"""Connects to a feed by polling or over a WebSocket, without sockets or a chain."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.market.book.order_book import OrderOpened
from sealgrid.market.config import MarketConfig
from sealgrid.market.feed.feed import MarketFeed
from sealgrid.market.feed.limits import FeedLimits
from sealgrid.poco.orders import AppOrder
from sealgrid.units import to_address, to_digest
from sealgrid.wire.service_access import ONE_MACHINE
from tests.unit.market.market_orders import APP, published_order

CONFIG = MarketConfig(
    folder=Path(),
    network=NetworkIdentity(rpc_urls=(), chain=31337, genesis=to_digest(bytes(32)), hub=to_address(bytes(20))),
    access=ONE_MACHINE,
    listeners=3,
    listeners_per_client=2,
)
HANDSHAKE = "/ws/?EIO=4&transport=polling"
JOIN = '421["join",{"chainId":31337,"topic":"orders"}]'


@asynccontextmanager
async def running_feed() -> AsyncIterator[MarketFeed]:
    feed = MarketFeed(31337)
    running = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        await feed.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def http_client(
    feed: MarketFeed, config: MarketConfig = CONFIG, host: str = "192.0.2.1", **options: Any
) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(FeedLimits(feed, config, **options), client=(host, 1))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://market.example")


async def subscribe(client: httpx.AsyncClient) -> str:
    """Open a connection that is subscribed to orders; return the URL that it polls."""
    opened = (await client.get(HANDSHAKE)).text  # 0{"sid": …
    url = f"{HANDSHAKE}&sid={json.loads(opened[1:])['sid']}"
    for message in ("40", JOIN):
        assert (await client.post(url, content=message)).status_code == 200
        await client.get(url)
    return url


def opened_orders(count: int) -> list[OrderOpened]:
    return [OrderOpened(published_order(AppOrder(app=APP), number), 1) for number in range(1, count + 1)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def websocket(
    feed: MarketFeed, messages: list[str], *, client: str = "192.0.2.1", config: MarketConfig = CONFIG
) -> list[dict]:
    """Send messages over a WebSocket; return the ASGI events that came back."""
    scope = {
        "type": "websocket",
        "path": "/ws/",
        "query_string": b"EIO=4&transport=websocket",
        "client": (client, 1),
        "headers": [(b"upgrade", b"websocket"), (b"connection", b"upgrade")],
    }
    received = [{"type": "websocket.receive", "text": message} for message in messages]
    events = iter([{"type": "websocket.connect"}, *received])
    sent: list[dict] = []

    async def receive() -> dict:
        return next(events, {"type": "websocket.disconnect", "code": 1000})

    async def send(message: dict) -> None:
        sent.append(message)

    await FeedLimits(feed, config, clock=lambda: 0.0)(scope, receive, send)  # type: ignore[arg-type]
    return sent

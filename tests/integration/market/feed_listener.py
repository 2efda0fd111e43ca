"""Listeners of a market's feed over a socket, as dApps are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import socketio
from litestar.types import ASGIApp

from sealgrid.wire.server import listen, serve

CHAIN = 31337
SECONDS = 30


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an application on loopback; yield its URL."""
    sock, ready = listen(), asyncio.Event()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    task = asyncio.create_task(serve(app, sock, ready.set))
    try:
        await asyncio.wait_for(ready.wait(), SECONDS)
        yield url
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Listener:
    """Receives the events of the topics that it joined."""

    def __init__(self, client: socketio.AsyncClient) -> None:
        self.client = client
        self._received: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.disconnected = asyncio.Event()
        client.on("*", lambda name, message: self._received.put_nowait((name, message)))
        client.on("disconnect", lambda *_: self.disconnected.set())

    async def join(self, topic: str, chain: int | str = CHAIN) -> Any:
        return await self.client.call("join", {"chainId": chain, "topic": topic}, timeout=SECONDS)

    async def next(self) -> tuple[str, Any]:
        return await asyncio.wait_for(self._received.get(), SECONDS)

    async def take(self, count: int) -> list[tuple[str, Any]]:
        return [await self.next() for _ in range(count)]


@asynccontextmanager
async def listener(url: str, *topics: str, transport: str = "websocket") -> AsyncIterator[Listener]:
    client = socketio.AsyncClient(reconnection=False)
    feed = Listener(client)
    await client.connect(url, socketio_path="/ws", transports=[transport])
    try:
        for topic in topics:
            assert await feed.join(topic) is True
        yield feed
    finally:
        await client.disconnect()

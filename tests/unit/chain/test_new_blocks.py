"""A reader is woken by each new block of a node that announces them, and polls every other node."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from sealgrid.chain import new_blocks
from sealgrid.chain.new_blocks import NewBlocks

NEVER = 3600.0
CONFIRMED = '{"jsonrpc":"2.0","id":1,"result":"0x1"}'
REFUSED = '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"the method eth_subscribe does not exist"}}'
BLOCK = '{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x1","result":{"number":"0x2"}}}'

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


class Subscribers:
    """A node that talks with each of its subscribers in turn as a test says."""

    def __init__(self, *talks: Talk) -> None:
        self._talks = list(talks)
        self.requests: list[str] = []
        self.ended = asyncio.Event()  #: set when the last conversation has ended

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.requests.append(await socket.receive_str())
        await self._talks.pop(0)(socket)
        if not self._talks:
            self.ended.set()
        await socket.close()
        return socket


@asynccontextmanager
async def served(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[NewBlocks]:
    """Yield the announcements, which run, of a node with this handler."""
    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    announcements = NewBlocks(f"http://127.0.0.1:{runner.addresses[0][1]}")
    running = asyncio.create_task(announcements.run())
    try:
        yield announcements
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await runner.cleanup()


@pytest.fixture(autouse=True)
def retry_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_blocks, "FIRST_RETRY_SECONDS", 0.0)
    monkeypatch.setattr(new_blocks, "QUIET_SECONDS", NEVER)


async def test_an_announced_block_wakes_the_reader() -> None:
    announce = asyncio.Event()

    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_str(CONFIRMED)
        await announce.wait()
        await socket.send_str(BLOCK)
        await socket.receive()

    node = Subscribers(talk)
    async with served(node.handle) as announcements:
        await announcements.wait(NEVER)  # a block may have come before the subscription
        announce.set()
        await announcements.wait(0.0)  # the subscription counts, not the interval
        assert node.requests == [new_blocks._SUBSCRIBE]


async def test_a_reader_polls_a_node_that_refuses_subscriptions() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_str(REFUSED)
        await socket.receive()

    node = Subscribers(talk)
    async with served(node.handle) as announcements:
        await node.ended.wait()
        for _ in range(3):
            await announcements.wait(0.001)


async def test_a_reader_polls_a_node_without_websockets() -> None:
    asked = asyncio.Event()

    async def refuse(request: web.Request) -> web.Response:
        asked.set()
        return web.Response(status=405)

    async with served(refuse) as announcements:
        await asked.wait()
        for _ in range(3):
            await announcements.wait(0.001)


@pytest.mark.parametrize("nonsense", ["", "[]", "no JSON", '{"method": 1, "error": 2}'])
async def test_a_node_that_sends_nonsense_is_left_and_asked_again(nonsense: str) -> None:
    async def broken(socket: web.WebSocketResponse) -> None:
        await socket.send_str(nonsense)
        await socket.receive()

    async def whole(socket: web.WebSocketResponse) -> None:
        await socket.send_str(CONFIRMED)
        await socket.receive()

    node = Subscribers(broken, whole)
    async with served(node.handle) as announcements:
        while len(node.requests) < 2:
            await announcements.wait(NEVER)


async def test_a_lost_connection_wakes_the_reader_and_is_made_again() -> None:
    async def lost(socket: web.WebSocketResponse) -> None:
        await socket.send_str(CONFIRMED)

    async def kept(socket: web.WebSocketResponse) -> None:
        await socket.send_str(CONFIRMED)
        await socket.receive()

    node = Subscribers(lost, kept)
    async with served(node.handle) as announcements:
        while len(node.requests) < 2:
            await announcements.wait(NEVER)

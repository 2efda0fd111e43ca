"""The proxy passes messages on, doubles them, drops requests and replies, and turns to another replica."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from chaos.message_proxy import LinkFaults, MessageProxy


class Replica:
    """A server that counts and echoes what it gets."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        self.bodies.append(body)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % length + body)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def linked(faults: LinkFaults, *, dead_first: bool = False) -> AsyncIterator[tuple[Replica, MessageProxy, str]]:
    replica = Replica()
    server = await asyncio.start_server(replica.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy = MessageProxy((9, port) if dead_first else (port,), random.Random(1), faults)
    try:
        yield replica, proxy, await proxy.start()
    finally:
        await proxy.stop()
        server.close()


async def post(url: str) -> bytes:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.post(url, content=b"claim")).content


async def test_a_message_passes_unchanged() -> None:
    async with linked(LinkFaults()) as (replica, proxy, url):
        assert await post(url) == b"claim"
        assert (replica.bodies, proxy.counts["sent"]) == ([b"claim"], 1)


async def test_a_doubled_message_arrives_twice_and_is_answered_once() -> None:
    async with linked(LinkFaults(double=1.0)) as (replica, proxy, url):
        assert await post(url) == b"claim"
        assert (replica.bodies, proxy.counts["doubled"]) == ([b"claim"] * 2, 1)


async def test_a_dropped_request_arrives_nowhere() -> None:
    async with linked(LinkFaults(drop=1.0)) as (replica, proxy, url):
        with pytest.raises(httpx.RemoteProtocolError):
            await post(url)
        assert (replica.bodies, proxy.counts["dropped"]) == ([], 1)


async def test_some_replies_are_dropped_after_the_request_arrived() -> None:
    async with linked(LinkFaults(drop=0.5)) as (replica, proxy, url):
        lost = 0
        for _ in range(20):
            try:
                await post(url)
            except httpx.RemoteProtocolError:
                lost += 1
        answered = 20 - lost
        assert lost == proxy.counts["dropped"]
        assert answered < len(replica.bodies) < 20


async def test_a_late_message_is_counted_and_arrives() -> None:
    async with linked(LinkFaults(delay=0.01)) as (_, proxy, url):
        assert await post(url) == b"claim"
        assert proxy.counts["delayed"] == 2  # the request and the reply


async def test_another_replica_gets_the_message_while_one_refuses_connections() -> None:
    async with linked(LinkFaults(), dead_first=True) as (replica, _, url):
        assert await post(url) == b"claim"
        assert replica.bodies == [b"claim"]

"""A service on a real socket, and connections to it from chosen addresses of loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from litestar import get, post
from litestar.types import ASGIApp

from sealgrid.wire.server import AnyRequest, create_app, listen, serve
from sealgrid.wire.service_access import ServiceAccess

HONEST, FLOOD = "127.0.0.1", "127.0.0.2"


@get("/")
async def hello() -> str:
    return "hello"


@post("/")
async def count(request: AnyRequest) -> int:
    return len(await request.body())


@asynccontextmanager
async def serving(access: ServiceAccess, app: ASGIApp | None = None) -> AsyncIterator[int]:
    """Serve an application, by default one that greets and counts bytes; yield its port."""
    sock, ready = listen(), asyncio.Event()
    served = app or create_app([hello, count], access=access)
    task = asyncio.create_task(serve(served, sock, ready.set, access))
    try:
        await asyncio.wait_for(ready.wait(), 20)
        yield int(sock.getsockname()[1])
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        sock.close()


def client_from(address: str, port: int, **headers: str) -> httpx.AsyncClient:
    """Return a client whose connections come from this address of loopback."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20)


class Raw:
    """One connection that sends raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int, content: bytes = b"", *, address: str = FLOOD) -> "Raw":
        raw = cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0)))
        raw.writer.write(content)
        return raw

    async def rest(self) -> bytes:
        """Return all that still comes, once the service closes the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(), 20)
        except ConnectionResetError:
            return b""

    @property
    def closed(self) -> bool:
        return self.reader.at_eof() or self.reader.exception() is not None

    async def close(self) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)

"""HTTP inside one process, without sockets: an httpx transport that calls ASGI applications, and their services."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, cast

import httpx
from litestar.types import ASGIApp

GRACE_SECONDS: Final = 0.5  #: for the requests that a service handles when it stops; then they are cancelled

OnReady = Callable[[], None]


class InProcessHttp(httpx.AsyncBaseTransport):
    """Sends each request to the application at its URL's host name; all of them run in one event loop.

    A request to a stopped service fails like one to a closed port; to one that starts, it waits. A request goes on when
    its client is cancelled, as on a server.
    """

    def __init__(self) -> None:
        self._hosts: dict[str, asyncio.Future[_Host]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the application's answer; raise an httpx.TransportError as for a broken connection."""
        host, limits = self._hosts.get(request.url.host), request.extensions.get("timeout", {})
        if host is not None:
            await asyncio.wait({host}, timeout=limits.get("connect"))
        if host is None or not host.done() or host.cancelled():
            raise httpx.ConnectError(f"no service runs at {request.url.host}", request=request)
        handling = host.result().handle(request)
        await asyncio.wait({handling}, timeout=limits.get("read"))
        if not handling.done():
            raise httpx.ReadTimeout("the service did not answer in time", request=request)
        if handling.cancelled():
            raise httpx.ReadError("the service stopped", request=request)
        return handling.result()

    @asynccontextmanager
    async def serving(self, name: str, opening: AbstractAsyncContextManager[ASGIApp]) -> AsyncIterator[None]:
        """Open an application and route the requests for a host name to it for the duration of the context."""
        self._hosts[name] = host = asyncio.get_running_loop().create_future()
        try:
            async with opening as app:
                host.set_result(_Host(app))
                try:
                    yield
                finally:
                    del self._hosts[name]
                    await host.result().close()
        finally:
            self._hosts.pop(name, None)
            host.cancel()


class _Host:
    """One application and the requests that it handles."""

    def __init__(self, app: ASGIApp) -> None:
        self._transport = httpx.ASGITransport(cast("Callable[..., Awaitable[None]]", app), raise_app_exceptions=False)
        self._requests: set[asyncio.Task[httpx.Response]] = set()

    def handle(self, request: httpx.Request) -> asyncio.Task[httpx.Response]:
        task = asyncio.create_task(self._transport.handle_async_request(request))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)
        return task

    async def close(self) -> None:
        requests = list(self._requests)
        if requests:
            await asyncio.wait(requests, timeout=GRACE_SECONDS)
        for request in requests:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)


class InProcessService:
    """A service as a task of this process; it can be stopped and started again.

    ``body`` calls its argument when the service is ready, and runs until it is cancelled.
    """

    def __init__(self, body: Callable[[OnReady], Awaitable[None]]) -> None:
        self._body = body
        self._task: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Return when the service is ready; raise the error that ended it before. No effect while it runs."""
        if self._task is not None:
            return
        ready = asyncio.Event()
        self._task = asyncio.ensure_future(self._body(ready.set))
        waiting = asyncio.create_task(ready.wait())
        try:
            await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._task.done():
            await self.stop()

    async def stop(self) -> None:
        """Cancel the service and wait for its end; raise its error if it had failed. No effect while it is stopped."""
        if self._task is None:
            return
        task, self._task = self._task, None
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


def asgi_service(
    http: InProcessHttp, name: str, open_app: Callable[[], AbstractAsyncContextManager[ASGIApp]]
) -> InProcessService:
    """Return the service of an application: opened at each start, and routed at the host ``name`` while it runs."""

    async def body(ready: OnReady) -> None:
        async with http.serving(name, open_app()):
            ready()
            await asyncio.get_running_loop().create_future()

    return InProcessService(body)

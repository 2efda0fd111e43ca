"""Admin listener of a service: metrics, liveness, readiness and version, on an address that only operators reach."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

from litestar import Litestar, MediaType, Response, get
from litestar.types import ASGIApp
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from sealgrid.errors import InputRefused
from sealgrid.wire.server import create_app, json_response, listen, serve
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess
from sealgrid.wire.service_monitor import ServiceMonitor


def admin_application(monitor: ServiceMonitor, host: str) -> Litestar:
    """Return the application of an admin listener at ``host``: /livez, /readyz, /version, /metrics."""

    @get("/livez")
    async def alive() -> Response[bytes]:
        return Response(b"ok\n", media_type=MediaType.TEXT)

    @get("/readyz")
    async def ready() -> Response[bytes]:
        failed = await monitor.failed_checks()
        return json_response({"ready": not failed, "failed": failed}, 503 if failed else 200)

    @get("/version")
    async def which_version() -> Response[bytes]:
        return json_response({"service": monitor.service, "version": version("sealgrid")})

    @get("/metrics")
    async def metrics() -> Response[bytes]:
        content = await asyncio.to_thread(generate_latest, monitor.registry)
        return Response(content, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    access = ServiceAccess(requests_per_minute=0, allowed_hosts=(host,))
    return create_app([alive, ready, which_version, metrics], access=access)


async def serve_monitored(
    app: ASGIApp,
    sock: socket.socket,
    ready: Callable[[], None],
    access: ServiceAccess,
    monitor: ServiceMonitor,
    *,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve as ``serve``, with an admin listener where the settings name its address.

    Raises InputRefused if that address cannot be used.
    """
    async with admin_listener(monitor, access.admin_address):
        await serve(monitor.count_requests(app) if access.admin else app, sock, ready, access, stopping=stopping)


@asynccontextmanager
async def admin_listener(monitor: ServiceMonitor, address: tuple[str, int] | None) -> AsyncIterator[None]:
    """Answer operators at an address while the context is open; without one do nothing.

    Raises InputRefused if the address cannot be used.
    """
    if address is None:
        yield
        return
    host, port = address
    try:
        listening = listen(port, host)
    except OSError as error:
        raise InputRefused(f"the admin address {host}:{port} cannot be used ({error.strerror}).", money="") from error
    with listening as sock:
        app = admin_application(monitor, host)
        serving = asyncio.create_task(serve(app, sock, lambda: None, DEFAULT_ACCESS, handles_signals=False))
        try:
            yield
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving

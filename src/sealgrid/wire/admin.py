"""Admin listener of a service: metrics, liveness, readiness and version, on an address that only operators reach."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version

from litestar import Litestar, MediaType, Response, get
from litestar.types import ASGIApp
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from sealgrid.wire.message import encode
from sealgrid.wire.server import create_app, listen, serve
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
        return _json({"ready": not failed, "failed": failed}, 503 if failed else 200)

    @get("/version")
    async def which_version() -> Response[bytes]:
        return _json({"service": monitor.service, "version": version("sealgrid")})

    @get("/metrics")
    async def metrics() -> Response[bytes]:
        content = await asyncio.to_thread(generate_latest, monitor.registry)
        return Response(content, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    access = ServiceAccess(requests_per_minute=0, allowed_hosts=(host,))
    return create_app([alive, ready, which_version, metrics], access=access)


async def serve_monitored(
    app: ASGIApp, sock: socket.socket, ready: Callable[[], None], access: ServiceAccess, monitor: ServiceMonitor
) -> None:
    """Serve as ``serve``, with an admin listener where the settings name its address.

    Raises OSError if that address cannot be bound.
    """
    if (address := access.admin_address) is None:
        await serve(app, sock, ready, access)
        return
    admin = asyncio.create_task(_serve_admin(monitor, *address))
    try:
        await asyncio.sleep(0)  # an address that cannot be bound ends the service before it is ready
        if admin.done():
            admin.result()
        await serve(monitor.count_requests(app), sock, ready, access)
    finally:
        admin.cancel()
        with suppress(asyncio.CancelledError):
            await admin


async def _serve_admin(monitor: ServiceMonitor, host: str, port: int) -> None:
    with listen(port, host) as sock:
        await serve(admin_application(monitor, host), sock, lambda: None, DEFAULT_ACCESS, handles_signals=False)


def _json(body: object, status: int = 200) -> Response[bytes]:
    return Response(encode(body), status_code=status, media_type=MediaType.JSON)

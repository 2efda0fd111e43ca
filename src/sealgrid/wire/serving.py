"""Run one service: bind to loopback, say when it is ready, turn every error into one JSON sentence."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from litestar import Litestar, MediaType, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from sealgrid.errors import SealgridError
from sealgrid.wire.message import MAX_MESSAGE_BYTES, encode

LOOPBACK = "127.0.0.1"
LOCAL_NAMES = frozenset({LOOPBACK, "localhost"})
AnyRequest = Request[Any, Any, Any]
_log = logging.getLogger("sealgrid")


def service(handlers: list[HTTPRouteHandler], *, max_body: int = MAX_MESSAGE_BYTES) -> Litestar:
    """Return an application with these handlers and the errors of every Sealgrid service; web pages get nothing."""
    return Litestar(
        route_handlers=handlers,
        before_request=refuse_web_pages,
        exception_handlers={SealgridError: _say, HTTPException: _say_http, Exception: _say_nothing_secret},
        request_max_body_size=max_body,
        logging_config=None,
        openapi_config=None,
    )


async def refuse_web_pages(request: AnyRequest) -> Response[bytes] | None:
    """Refuse what another site's page, or a name that was made to lead here, asks through a browser."""
    # A browser lets any page call loopback, also under a name of the page's own that was made to lead here.
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if host.rpartition(":")[0] not in LOCAL_NAMES and host not in LOCAL_NAMES:
        return _answer({"error": f"ask this service as {LOOPBACK} or localhost, not by another name."}, 403)
    if origin is not None and origin != f"http://{host}":
        return _answer({"error": "this service answers programs of this machine, not pages of other sites."}, 403)
    return None


def _answer(body: dict[str, str], status: int) -> Response[bytes]:
    return Response(encode(body), status_code=status, media_type=MediaType.JSON)


def _say(_: AnyRequest, error: SealgridError) -> Response[bytes]:
    return _answer(error.to_wire(), error.http_status)


def _say_http(_: AnyRequest, error: HTTPException) -> Response[bytes]:
    return _answer({"error": error.detail, "money": "No money moved."}, error.status_code)


def _say_nothing_secret(_: AnyRequest, error: Exception) -> Response[bytes]:
    # The message of an unforeseen error may hold anything, so only its type leaves the process.
    log_unforeseen(error)
    return _answer({"error": f"the service failed ({type(error).__name__}); its log says more."}, 500)


def log_unforeseen(error: Exception) -> None:
    """Write an unforeseen error into the service's own log."""
    _log.error("unforeseen %s", type(error).__name__, exc_info=error)


def listen(port: int = 0) -> socket.socket:
    """Return a listening loopback socket; raise OSError when the port is taken."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # asyncio sets this only on sockets that name TCP; without it every answer waits 40 ms for an acknowledgement.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        sock.bind((LOOPBACK, port))
        sock.listen(256)
    except OSError:
        sock.close()
        raise
    return sock


async def serve(app: Litestar, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; call ``ready`` once requests are answered."""
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)

    async def announce() -> None:
        while not server.started:
            await asyncio.sleep(0.005)
        ready()

    announcing = asyncio.create_task(announce())
    try:
        await server.serve(sockets=[sock])
    finally:
        announcing.cancel()
        # A cancelled server would leave its socket's number in the loop, and break whoever gets that number next.
        for listening in getattr(server, "servers", ()):
            listening.close()

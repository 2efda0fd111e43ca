"""Run one service: bind to loopback, say when it is ready, turn every error into one JSON sentence."""

import asyncio
import gzip
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn
from litestar import Litestar, MediaType, Request, Response
from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Method

from sealgrid.errors import SealgridError, TooManyRequests
from sealgrid.wire.connections import BACKLOG, OpenConnections, protocol_of
from sealgrid.wire.log_rate_limit import limit_repeats
from sealgrid.wire.message import MAX_MESSAGE_BYTES, encode
from sealgrid.wire.service_access import DEFAULT_ACCESS, LOOPBACK, ClientLimit, ServiceAccess

MOST_PACKED_BYTES = 64 << 10  #: documents; what is larger is mostly ciphertext, which never gets smaller
KEEP_ALIVE_SECONDS = (
    60  #: clients drop an idle connection after 5: if we did so first, a request could meet a closed one
)
MOST_WEBSOCKET_BYTES = 4096  #: of one message from a client; nobody has more to say there
AnyRequest = Request[Any, Any, Any]
#: What the framework refuses by itself, by status, as a sentence; other details are sentences already.
_BY_STATUS: Final[Mapping[int, str]] = {
    404: "there is no {path} here.",
    405: "{path} does not take {method}.",
    413: "the body is larger than this service takes.",
}
_log = logging.getLogger("sealgrid")


Before = Callable[[AnyRequest], Awaitable[Response[bytes] | None]]


def own_pages(access: ServiceAccess) -> Before:
    """Return what answers 403 to pages of other sites, and to names of theirs that were made to lead here.

    A browser lets any page call loopback, also under a name of the page's own. It names the page's origin when it
    posts or may read the answer; of a picture, a script or a frame it says only that another site's page has it (Fetch
    Metadata).
    """

    async def before(request: AnyRequest) -> Response[bytes] | None:
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if not access.names(host):
            return answer({"error": f"ask this service as {_names(access)}, not by another name."}, 403)
        if origin is not None and access.takes(origin, host):
            return None
        embedded = request.headers.get("sec-fetch-dest", "document") != "document"
        elsewhere = request.headers.get("sec-fetch-site") in {"cross-site", "same-site"} and embedded
        if elsewhere or origin is not None:
            return answer({"error": "this service answers its own clients, not pages of other sites."}, 403)
        return None

    return before


def _names(access: ServiceAccess) -> str:
    return urlsplit(access.public_url).netloc or f"{LOOPBACK} or localhost"


def readable_by_pages(access: ServiceAccess, *prefixes: str) -> Before:
    """Return what lets pages of any site read beneath these prefixes, where all is public, and refuses them elsewhere.

    ``cors("GET")`` beside it lets their browsers hand the answers on.
    """
    own = own_pages(access)

    async def before(request: AnyRequest) -> Response[bytes] | None:
        reading = request.method in {"GET", "HEAD"} and request.url.path.startswith(prefixes)
        return None if reading else await own(request)

    return before


async def any_page(_: AnyRequest) -> Response[bytes] | None:
    """Let pages of any site use all: what is told is public, and each write carries a signature."""
    return None


def cors(*methods: Method) -> CORSConfig:
    """Return what lets pages of any site use these methods, without credentials; HEAD needs no leave."""
    return CORSConfig(
        allow_origins=["*"],
        allow_methods=list(methods),
        allow_headers=["authorization", "content-type"],
        expose_headers=["retry-after"],
        max_age=600,
    )


def service(
    handlers: list[HTTPRouteHandler],
    *,
    access: ServiceAccess = DEFAULT_ACCESS,
    max_body: int = MAX_MESSAGE_BYTES,
    pages: Before | None = None,
    cors: CORSConfig | None = None,
    mark: Mapping[str, object] | None = None,
) -> Litestar:
    """Return an application with these handlers and the errors of every Sealgrid service.

    ``pages`` refuses pages of sites that may not use it (``own_pages`` by default), ``cors`` says to browsers which
    pages may, ``mark`` stands in every error's body.
    """
    say = _Errors(dict(mark or {}))
    return Litestar(
        route_handlers=handlers,
        before_request=guard(access, pages),
        cors_config=cors or _cors_of(access),
        exception_handlers={
            SealgridError: say.ours,
            HTTPException: say.http,
            Exception: say.nothing_secret,
        },
        request_max_body_size=max_body,
        logging_config=None,
        openapi_config=None,
    )


def guard(access: ServiceAccess, pages: Before | None = None) -> Before:
    """Return what every request passes first: the limit of its client, then the check of its Host and Origin."""
    limit, allowed = ClientLimit(access), pages or own_pages(access)

    async def before(request: AnyRequest) -> Response[bytes] | None:
        limit.demand(request.scope)
        return await allowed(request)

    return before


def _cors_of(access: ServiceAccess) -> CORSConfig | None:
    if not access.allowed_origins:
        return None
    return CORSConfig(allow_origins=list(access.allowed_origins), allow_methods=["GET", "POST", "PUT", "PATCH"])


class _Errors:
    """Turns what a handler raised into one JSON sentence."""

    def __init__(self, mark: dict[str, object]) -> None:
        self._mark = mark

    def ours(self, _: AnyRequest, error: SealgridError) -> Response[bytes]:
        seconds = error.seconds if isinstance(error, TooManyRequests) else 0
        headers = {"retry-after": str(seconds)} if seconds else None  # RFC 9110, section 10.2.3
        return answer(self._mark | error.to_wire(), error.http_status, headers)

    def http(self, request: AnyRequest, error: HTTPException) -> Response[bytes]:
        sentence = _BY_STATUS.get(error.status_code, "")
        said = sentence.format(path=request.url.path[:80], method=request.method) or error.detail
        return answer(self._mark | {"error": said}, error.status_code, error.headers)

    def nothing_secret(self, _: AnyRequest, error: Exception) -> Response[bytes]:
        # The message of an unforeseen error may hold anything, so only its type leaves the process.
        log_unforeseen(error)
        sentence = f"the service failed ({type(error).__name__}); its log says more."
        return answer(self._mark | {"error": sentence}, 500)


def answer(body: Mapping[str, object], status: int, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Return a JSON answer."""
    return Response(encode(body), status_code=status, media_type=MediaType.JSON, headers=headers)


def packed(request: AnyRequest, content: bytes, media_type: str = MediaType.JSON) -> Response[bytes]:
    """Return an answer, as gzip (RFC 9110, section 8.4) when the asker takes it and it gets smaller."""
    if len(content) <= MOST_PACKED_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        smaller = gzip.compress(content, mtime=0)
        if len(smaller) < len(content):
            return Response(smaller, status_code=200, media_type=media_type, headers={"content-encoding": "gzip"})
    return Response(content, status_code=200, media_type=media_type)


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


async def serve(
    app: ASGIApp, sock: socket.socket, ready: Callable[[], None], access: ServiceAccess = DEFAULT_ACCESS
) -> None:
    """Serve until SIGTERM or SIGINT; call ``ready`` once requests are answered."""
    limit_repeats()
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=2,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ws_max_size=MOST_WEBSOCKET_BYTES,
        ws_per_message_deflate=False,
        http=protocol_of(OpenConnections(access)),
        backlog=BACKLOG,
        proxy_headers=bool(access.trusted_proxies),
        forwarded_allow_ips=list(access.trusted_proxies),
    )
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

"""Run one service: bind to loopback, say when it is ready, turn every error into one JSON sentence."""

import asyncio
import gzip
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import uvicorn
from litestar import Litestar, MediaType, Request, Response
from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Method

from sealgrid.errors import SealgridError, TooManyRequests
from sealgrid.wire.message import MAX_MESSAGE_BYTES, encode
from sealgrid.wire.rates import Buckets, Rate, client_of

LOOPBACK = "127.0.0.1"
MOST_PACKED_BYTES = 64 << 10  #: documents; what is larger is mostly ciphertext, which never gets smaller
LOCAL_NAMES = frozenset({LOOPBACK, "localhost"})
KEEP_ALIVE_SECONDS = (
    60  #: clients drop an idle connection after 5: if we did so first, a request could meet a closed one
)
MOST_WEBSOCKET_BYTES = 4096  #: of one message from a client; nobody has more to say there
AnyRequest = Request[Any, Any, Any]
#: What the framework refuses by itself, by status, as a sentence; other details are sentences already.
_BY_STATUS: Final[Mapping[int, str]] = {
    404: "there is no {path} here.", 405: "{path} does not take {method}.",
    413: "the body is larger than this service takes.",
}  # fmt: skip
_log = logging.getLogger("sealgrid")


Before = Callable[[AnyRequest], Awaitable[Response[bytes] | None]]


async def refuse_web_pages(request: AnyRequest) -> Response[bytes] | None:
    """Answer 403 to pages of other sites, and to names of theirs that were made to lead here; None lets pass.

    A browser lets any page call loopback, also under a name of the page's own. It names the page's origin when it
    posts or may read the answer; of a picture, a script or a frame it says only that another site's page has it (Fetch
    Metadata).
    """
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if host.rpartition(":")[0] not in LOCAL_NAMES and host not in LOCAL_NAMES:
        return answer({"error": f"ask this service as {LOOPBACK} or localhost, not by another name."}, 403)
    embedded = request.headers.get("sec-fetch-dest", "document") != "document"
    elsewhere = request.headers.get("sec-fetch-site") in {"cross-site", "same-site"} and embedded
    if elsewhere or (origin is not None and origin != f"http://{host}"):
        return answer({"error": "this service answers programs of this machine, not pages of other sites."}, 403)
    return None


def readable_by_pages(*prefixes: str) -> Before:
    """Return what lets pages of any site read beneath these prefixes, where all is public, and refuses them elsewhere.

    ``cors("GET")`` beside it lets their browsers hand the answers on.
    """

    async def before(request: AnyRequest) -> Response[bytes] | None:
        reading = request.method in {"GET", "HEAD"} and request.url.path.startswith(prefixes)
        return None if reading else await refuse_web_pages(request)

    return before


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
    max_body: int = MAX_MESSAGE_BYTES,
    before: Before = refuse_web_pages,
    cors: CORSConfig | None = None,
    mark: Mapping[str, object] | None = None,
) -> Litestar:
    """Return an application with these handlers and the errors of every Sealgrid service.

    ``before`` may answer in a handler's place, ``cors`` says which pages browsers let in, ``mark`` stands in every
    error's body.
    """
    say = _Errors(dict(mark or {}))
    return Litestar(
        route_handlers=handlers,
        before_request=before,
        cors_config=cors,
        exception_handlers={
            SealgridError: say.ours, HTTPException: say.http, Exception: say.nothing_secret,
        },
        request_max_body_size=max_body,
        logging_config=None,
        openapi_config=None,
    )  # fmt: skip


def limited(per_minute: int, clock: Callable[[], float] = time.monotonic) -> Before:
    """Return what refuses clients that ask more often; 0 lets everybody ask."""
    buckets = Buckets(Rate(per_minute)) if per_minute else None

    async def before(request: AnyRequest) -> None:
        if buckets is not None:
            buckets.demand(client_address(request), clock())

    return before


def client_address(request: AnyRequest) -> str:
    """Return the network address whose limits a request counts against, for IPv6 its /64 (``rates.client_of``)."""
    return client_of(request.client.host if request.client else "")


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


async def serve(app: ASGIApp, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; call ``ready`` once requests are answered."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=2,
        timeout_keep_alive=KEEP_ALIVE_SECONDS, ws_max_size=MOST_WEBSOCKET_BYTES, ws_per_message_deflate=False,
    )  # fmt: skip
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

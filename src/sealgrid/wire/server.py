"""HTTP server of every service: listening socket, TLS, origin checks, rate limits, errors as one JSON sentence."""

import asyncio
import contextlib
import gzip
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn
from litestar import Litestar, MediaType, Request, Response
from litestar.config.cors import CORSConfig
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Message, Method, Receive, Scope, Send

from sealgrid.errors import CheckFailed, InputRefused, SealgridError, TooManyRequests
from sealgrid.units import Address, to_address
from sealgrid.wire.connections import BACKLOG, OpenConnections, bounded_protocol
from sealgrid.wire.log_rate_limit import install_log_rate_limit
from sealgrid.wire.message import MAX_MESSAGE_BYTES, encode
from sealgrid.wire.service_access import DEFAULT_ACCESS, LOOPBACK, ClientLimit, ServiceAccess

MAX_COMPRESSED_BYTES = 64 << 10  #: larger answers are mostly ciphertext, which does not compress
#: Clients close an idle connection after 5 seconds; closing first could lose a request.
KEEP_ALIVE_SECONDS = 60
STOP_SECONDS = 2  #: for which an ending server waits for its requests
REFUSED_BY = "sealgrid_refused_by"  #: key of a request's scope: the number of the check that refused it
MAX_WEBSOCKET_BYTES = 4096  #: of one message from a client
MAX_NUMBER: Final = 2**53 - 1  #: of a number in a path; no index, size or offset of a service is larger
AnyRequest = Request[Any, Any, Any]
#: Sentences for the statuses that the framework returns itself; its other details are sentences already.
_BY_STATUS: Final[Mapping[int, str]] = {
    404: "there is no {path} here.",
    405: "{path} does not take {method}.",
    413: "the body is larger than this service takes.",
}
_log = logging.getLogger("sealgrid")


RequestHook = Callable[[AnyRequest], Awaitable[Response[bytes] | None]]


def reject_other_sites(access: ServiceAccess) -> RequestHook:
    """Return a hook that answers 403 to pages of other sites and to unknown Host names (DNS rebinding).

    A browser lets any page call loopback. It sends Origin when the page posts or may read the answer; for an embedded
    picture, script or frame it sends only Fetch Metadata.
    """

    async def before(request: AnyRequest) -> Response[bytes] | None:
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if not access.is_own_host(host):
            names = urlsplit(access.public_url).netloc or f"{LOOPBACK} or localhost"
            return json_response({"error": f"ask this service as {names}, not by another name."}, 403)
        if origin is not None and access.allows_origin(origin, host):
            return None
        embedded = request.headers.get("sec-fetch-dest", "document") != "document"
        elsewhere = request.headers.get("sec-fetch-site") in {"cross-site", "same-site"} and embedded
        if elsewhere or origin is not None:
            return json_response({"error": "this service answers its own clients, not pages of other sites."}, 403)
        return None

    return before


def allow_cross_site_reads(access: ServiceAccess, *prefixes: str) -> RequestHook:
    """Return a hook that lets every site read public paths below these prefixes, and rejects other sites elsewhere.

    Browsers also need ``cors_config("GET")``.
    """
    reject = reject_other_sites(access)

    async def before(request: AnyRequest) -> Response[bytes] | None:
        reading = request.method in {"GET", "HEAD"} and request.url.path.startswith(prefixes)
        return None if reading else await reject(request)

    return before


async def allow_every_site(_: AnyRequest) -> Response[bytes] | None:
    """Accept every site: all answers are public, and each write carries a signature."""
    return None


def cors_config(*methods: Method) -> CORSConfig:
    """Return CORS headers that allow these methods to every site, without credentials; HEAD needs no permission."""
    return CORSConfig(
        allow_origins=["*"],
        allow_methods=list(methods),
        allow_headers=["authorization", "content-type"],
        expose_headers=["retry-after"],
        max_age=600,
    )


def create_app(
    handlers: list[HTTPRouteHandler],
    *,
    access: ServiceAccess = DEFAULT_ACCESS,
    max_body: int = MAX_MESSAGE_BYTES,
    origin_check: RequestHook | None = None,
    cors: CORSConfig | None = None,
    error_fields: Mapping[str, object] | None = None,
) -> Litestar:
    """Return an application with these handlers and the error format of every Sealgrid service.

    ``origin_check`` rejects requests of other sites (default ``reject_other_sites``), ``cors`` sets the CORS headers,
    ``error_fields`` are added to the body of each error.
    """
    errors = _ErrorResponses(dict(error_fields or {}))
    if cors is None and access.allowed_origins:
        origins = list(access.allowed_origins)
        cors = CORSConfig(allow_origins=origins, allow_methods=["GET", "POST", "PUT", "PATCH"])
    return Litestar(
        route_handlers=handlers,
        before_request=limit_and_check_origin(access, origin_check),
        cors_config=cors,
        exception_handlers={
            SealgridError: errors.from_sealgrid_error,
            HTTPException: errors.from_http_exception,
            Exception: errors.from_unexpected,
        },
        request_max_body_size=max_body,
        logging_config=None,
        openapi_config=None,
    )


def limit_and_check_origin(access: ServiceAccess, origin_check: RequestHook | None = None) -> RequestHook:
    """Return the hook of every request: the rate limit of its client, the checks of Host and Origin, then of numbers.

    A number in the path is at most MAX_NUMBER: databases and files refuse numbers above 64 bits in ways of their own.
    """
    limit, check_origin = ClientLimit(access), origin_check or reject_other_sites(access)

    async def before(request: AnyRequest) -> Response[bytes] | None:
        limit.acquire(request.scope)
        refusal = await check_origin(request)
        if refusal is None:
            _check_path_numbers(request)
        return refusal

    return before


def _check_path_numbers(request: AnyRequest) -> None:
    numbers = [value for value in request.path_params.values() if isinstance(value, int)]
    if any(not 0 <= number <= MAX_NUMBER for number in numbers):
        raise InputRefused(f"a number in this path is not between 0 and {MAX_NUMBER}.")


class _ErrorResponses:
    """Converts exceptions of handlers to JSON answers."""

    def __init__(self, fields: dict[str, object]) -> None:
        self._fields = fields

    def from_sealgrid_error(self, request: AnyRequest, error: SealgridError) -> Response[bytes]:
        if isinstance(error, CheckFailed):
            request.scope[REFUSED_BY] = error.check  # type: ignore[literal-required]
        seconds = error.seconds if isinstance(error, TooManyRequests) else 0
        headers = {"retry-after": str(seconds)} if seconds else None  # RFC 9110, section 10.2.3
        return json_response(self._fields | error.to_wire(), error.http_status, headers)

    def from_http_exception(self, request: AnyRequest, error: HTTPException) -> Response[bytes]:
        sentence = _BY_STATUS.get(error.status_code, "")
        message = sentence.format(path=request.url.path[:80], method=request.method) or error.detail
        return json_response(self._fields | {"error": message}, error.status_code, error.headers)

    def from_unexpected(self, _: AnyRequest, error: Exception) -> Response[bytes]:
        # The message of an unexpected error may contain a secret: only its type leaves the process.
        log_unexpected_error(error)
        sentence = f"the service failed ({type(error).__name__}); its log says more."
        return json_response(self._fields | {"error": sentence}, 500)


def json_response(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Return a message, or anything that msgspec encodes, as a JSON response."""
    return Response(encode(body), status_code=status, media_type=MediaType.JSON, headers=headers)


def address_parameter(text: str) -> Address:
    """Return the address in a path or a query; raise InputRefused for any other text."""
    try:
        return to_address(text)
    except ValueError as error:
        raise InputRefused("give an address: 0x and 40 hex digits.") from error


def compressed_response(request: AnyRequest, content: bytes, media_type: str = MediaType.JSON) -> Response[bytes]:
    """Return a response, as gzip (RFC 9110, section 8.4) if the client accepts it and it is smaller."""
    if len(content) <= MAX_COMPRESSED_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        smaller = gzip.compress(content, mtime=0)
        if len(smaller) < len(content):
            return Response(smaller, status_code=200, media_type=media_type, headers={"content-encoding": "gzip"})
    return Response(content, status_code=200, media_type=media_type)


def log_unexpected_error(error: Exception) -> None:
    """Log an unexpected error with its traceback."""
    _log.error("unforeseen %s", type(error).__name__, exc_info=error)


def listen(port: int = 0, host: str = LOOPBACK) -> socket.socket:
    """Return a listening socket at an address or name of this machine.

    Raises OSError, for example if the port is in use.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # asyncio sets this only on sockets created with IPPROTO_TCP; without it each answer waits 40 ms (delayed ACK).
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        sock.bind(address)
        sock.listen(256)
    except OSError:
        sock.close()
        raise
    return sock


def _answer_cancelled(app: ASGIApp) -> ASGIApp:
    """Return an application that answers 503 to a request which the ending server cancels.

    uvicorn would log the cancellation as an error of the application, with its traceback.
    """

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        is_answered = scope["type"] != ScopeType.HTTP

        async def note_and_send(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await app(scope, receive, note_and_send)
        except asyncio.CancelledError:
            if scope["type"] not in {ScopeType.HTTP, ScopeType.WEBSOCKET}:
                raise
            if not is_answered:
                sentence = "this service stops; send the request again."
                answer = json_response({"error": sentence}, 503, {"connection": "close"})
                await answer.to_asgi_response(None, Request(scope))(scope, receive, send)

    return run


class _Server(uvicorn.Server):
    """A server that tells its application at once that it stops: uvicorn's lifespan ends after the last answer."""

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        await super().shutdown(sockets)


class _SecondServer(_Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    app: ASGIApp,
    sock: socket.socket,
    ready: Callable[[], None],
    access: ServiceAccess = DEFAULT_ACCESS,
    *,
    handles_signals: bool = True,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT, or until cancelled; call ``ready`` when the server accepts requests.

    After a signal it calls ``stopping``, which answers the requests that wait, then gives all ``STOP_SECONDS`` to end;
    the others are answered 503.
    One server of a process handles signals; with ``handles_signals`` false this one does not.
    """
    install_log_rate_limit()
    config = uvicorn.Config(
        _answer_cancelled(app),
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ws_max_size=MAX_WEBSOCKET_BYTES,
        ws_per_message_deflate=False,
        http=bounded_protocol(OpenConnections(access)),
        backlog=BACKLOG,
        proxy_headers=bool(access.trusted_proxies),
        forwarded_allow_ips=list(access.trusted_proxies),
        ssl_certfile=access.certificate or None,
        ssl_keyfile=access.certificate_key or None,
    )
    server = (_Server if handles_signals else _SecondServer)(config, stopping)

    async def announce() -> None:
        while not server.started:
            await asyncio.sleep(0.005)
        ready()

    announcing = asyncio.create_task(announce())
    try:
        await server.serve(sockets=[sock])
    finally:
        announcing.cancel()
        # A cancelled server leaves its file descriptor in the event loop, which breaks the next owner of that number.
        for listening in getattr(server, "servers", ()):
            listening.close()

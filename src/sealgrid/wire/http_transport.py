"""HTTP client of a service: pooled connections, time limits; errors of the service are raised as exceptions."""

import asyncio
import functools
import os
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx
import msgspec

from sealgrid.errors import (
    DECODE_ERRORS,
    AnswerTooLarge,
    ClientForked,
    SealgridError,
    ServiceUnavailable,
    TooManyRequests,
    from_wire,
)

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
WAIT_SECONDS = 15  #: longer waits are left to the caller
MAX_WAITS = 5
MAX_ANSWER_BYTES = 16 << 20  #: decompressed; pieces of files are far smaller
ACCEPTED: Final = {"accept-encoding": "gzip"}  #: header of a request whose answer ``read_bounded`` reads
_GZIP: Final = 16 + zlib.MAX_WBITS  #: of zlib: expects gzip's header and checksum
BODY_RATE: Final = 4 << 10  #: bytes of a request's body that add a second to its time limit
SILENT_SECONDS = 10  #: a machine that acknowledges nothing for so long is cut off
#: An answer may take a minute, but a cut cable is noticed at once. The probes also keep a router's translation (NAT)
#: of a waiting connection (tcp(7)).
_SOCKET_OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SILENT_SECONDS // 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, SILENT_SECONDS // 5),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_SECONDS * 1000),
)


class HttpTransport:
    """Transport to one service at a base URL; use it as an async context manager, or close it.

    ``timeout`` is the seconds of each step of a request; a whole request has about three times as many. ``http`` sends
    the requests; None opens TCP connections. Closing does not close a passed ``http``'s services.
    """

    def __init__(
        self,
        base: str,
        *,
        name: str = "the service",
        timeout: float = READ_SECONDS,
        http: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.base = base
        self._name = name
        # For a connection of the pool, for the head of the answer, and for its body.
        self._seconds = CONNECT_SECONDS + 3 * timeout
        limits = httpx.Timeout(timeout, connect=CONNECT_SECONDS)
        tls = _trusting_authorities() if base.startswith("https:") else _trusting_nobody()
        self._process = os.getpid()
        wire = http or httpx.AsyncHTTPTransport(verify=tls, trust_env=False, socket_options=_SOCKET_OPTIONS)
        self._client = httpx.AsyncClient(
            base_url=base, timeout=limits, trust_env=False, transport=wire, headers=ACCEPTED
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._client.aclose()

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the answer's body; raise ServiceUnavailable, or the error in the answer.

        After 429 with a Retry-After of at most WAIT_SECONDS the request is repeated, MAX_WAITS times in total. Answers
        above MAX_ANSWER_BYTES are rejected, which bounds memory.
        """
        for _ in range(MAX_WAITS):
            status, seconds, content = await self._once(method, path, body, headers)
            if not seconds:
                break
            await asyncio.sleep(seconds)  # safe to repeat: the service did not execute it
        if 200 <= status < 300:
            return content
        raise parse_error(content, status)

    async def content_length(self, path: str) -> int:
        """Return the size in bytes that the service reports for a file; raise as ``request``."""
        async with self._answer("HEAD", path, headers={"accept-encoding": "identity"}) as answer:
            pass
        if not 200 <= answer.status_code < 300:
            raise parse_error(b"", answer.status_code)
        length = answer.headers.get("content-length", "")
        if not (length.isascii() and length.isdecimal() and len(length) < 20):
            raise ServiceUnavailable(f"{self._name} at {self.base} reports no size of a file.")
        return int(length)

    async def _once(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None
    ) -> tuple[int, int, bytes]:
        """Return status, seconds to wait before a retry (0 for no retry), and body of one answer."""
        async with self._answer(method, path, body, headers) as answer:
            content = await read_bounded(answer, MAX_ANSWER_BYTES, f"{self._name} at {self.base}")
        retry_after = answer.headers.get("retry-after", "") if answer.status_code == TooManyRequests.http_status else ""
        seconds = int(retry_after) if retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < 4 else 0
        return answer.status_code, seconds if seconds <= WAIT_SECONDS else 0, content

    @asynccontextmanager
    async def _answer(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[httpx.Response]:
        """Yield one answer, whose redirect is not followed; raise ServiceUnavailable without one, or for a slow one.

        httpx limits each step alone: a service that sends a byte now and then would never end.
        """
        if os.getpid() != self._process:
            raise ClientForked  # its sockets and its event loop are those of the other process
        try:
            async with (
                asyncio.timeout(self._seconds + len(body) / BODY_RATE),
                self._client.stream(method, path, content=body or None, headers=headers) as answer,
            ):
                yield answer
        except (httpx.HTTPError, TimeoutError) as error:
            raise ServiceUnavailable(
                f"{self._name} at {self.base} does not answer ({type(error).__name__})."
            ) from error


async def read_bounded(answer: httpx.Response, limit: int, service: str) -> bytes:
    """Return the decompressed body of an answer; raise AnswerTooLarge above ``limit`` bytes.

    Decompresses itself: httpx first expands a whole piece, by every encoding that the service names, so that a few
    kilobytes become gigabytes. Raises ServiceUnavailable for another encoding than those of ``ACCEPTED``.
    """
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"gzip", "identity"}:
        raise ServiceUnavailable(f"{service} answers in the encoding {encoding[:40]!r}, which was not asked for.")
    content, unpacked = bytearray(), zlib.decompressobj(_GZIP) if encoding == "gzip" else None
    async for piece in answer.aiter_raw():
        try:
            content += piece if unpacked is None else unpacked.decompress(piece, limit + 1 - len(content))
        except zlib.error as error:
            raise ServiceUnavailable(f"the answer of {service} is not valid gzip.") from error
        if len(content) > limit:
            raise AnswerTooLarge(f"{service} answers more than the limit of {limit} bytes.")
    if unpacked is not None and not unpacked.eof:
        raise ServiceUnavailable(f"the answer of {service} ends early.")
    return bytes(content)


@functools.cache
def _trusting_authorities() -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()  # also the system's, and SSL_CERT_FILE: authorities of a company or a test network
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a server's own certificate in that file is enough
    return context


def trust_certificate(file: Path) -> None:
    """Accept the certificates of a PEM file, besides those of the authorities, in this process and its forks."""
    _trusting_authorities().load_verify_locations(file)


@functools.cache
def _trusting_nobody() -> ssl.SSLContext:
    # For plain HTTP: httpx requires a context for each client, and loading the authorities takes 20 ms.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def parse_error(body: bytes, status: int) -> SealgridError:
    """Return the error in an answer's body; a body that is not JSON gives an error of the status."""
    try:
        fields = msgspec.json.decode(body, type=dict[str, object])
    except DECODE_ERRORS:
        fields = {}
    return from_wire({name: value for name, value in fields.items() if isinstance(value, str)}, status)

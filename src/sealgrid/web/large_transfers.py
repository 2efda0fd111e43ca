"""Memory for large bodies at the pages: each is held whole, so it is reserved first, for each client and in total."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast

from litestar.types import ASGIApp, Receive, Scope, Send

from sealgrid.errors import TooManyRequests
from sealgrid.web.site import MAX_UPLOAD
from sealgrid.wire.rate_limit import client_of
from sealgrid.wire.service_access import client_address

SMALL: Final = 4 << 20  #: bytes of a body or a file that is not counted
PER_CLIENT: Final = 2 * MAX_UPLOAD  #: bytes of one client at one time
TOTAL: Final = 4 * MAX_UPLOAD
_RESERVATION: Final = "sealgrid_reservation"  #: key of a request's scope


class LargeTransfers:
    """The large bodies that are held now."""

    def __init__(self, per_client: int = PER_CLIENT, total: int = TOTAL) -> None:
        self._per_client, self._total, self._held = per_client, total, Counter[str]()

    @contextmanager
    def reservation(self, client: str) -> Iterator["Reservation"]:
        """Yield a reservation of a client, which ends with the context."""
        reserved = Reservation(self, client)
        try:
            yield reserved
        finally:
            self._held[client] -= reserved.size
            self._held += Counter()  # without the clients that hold nothing

    def reserve(self, client: str, size: int) -> None:
        """Reserve bytes; raise TooManyRequests above a limit."""
        if self._held[client] + size > self._per_client or self._held.total() + size > self._total:
            raise TooManyRequests("this site handles too many large files now; try again in 10 s.", seconds=10)
        self._held[client] += size


class Reservation:
    """What one request has reserved."""

    def __init__(self, transfers: LargeTransfers, client: str) -> None:
        self._transfers, self._client, self.size = transfers, client, 0

    def add(self, size: int) -> None:
        """Reserve bytes until the answer is sent; raise TooManyRequests above a limit."""
        if size > SMALL:
            self._transfers.reserve(self._client, size)
            self.size += size


def reserve(scope: Scope, size: int) -> None:
    """Reserve bytes for a request until its answer is sent; raise TooManyRequests above a limit."""
    reserved: Reservation = cast(Any, scope)[_RESERVATION]
    reserved.add(size)


def limit_large_bodies(app: ASGIApp) -> ASGIApp:
    """Return an application whose requests with large bodies are limited (Litestar's middleware)."""
    transfers = LargeTransfers()

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        with transfers.reservation(client_of(client_address(scope))) as reserved:
            cast(Any, scope)[_RESERVATION] = reserved
            reserved.add(_body_size(dict(scope["headers"])))
            await app(scope, receive, send)

    return run


def _body_size(headers: Mapping[bytes, bytes]) -> int:
    """Return how large the body of a request may be, by its headers (RFC 9112, section 6.3)."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and len(length) < 16:
        return min(int(length), MAX_UPLOAD)
    return MAX_UPLOAD if length or b"transfer-encoding" in headers else 0

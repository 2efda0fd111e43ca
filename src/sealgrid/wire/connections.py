"""Bounded connections: so many of one client and in all, and each must make progress.

uvicorn's HTTP protocol waits for the head and the body of a request, and for a client that does not read, without
end. The subclass here adds the time limits, and asks ``OpenConnections`` whether there is room.
"""

import asyncio
import resource
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from sealgrid.wire.message import encode
from sealgrid.wire.rate_limit import client_of
from sealgrid.wire.service_access import ServiceAccess

BACKLOG: Final = 128  #: connections that the kernel keeps until they are accepted, and that are accepted at once
MOST_HEAD_BYTES: Final = 64 << 10
BODY_RATE: Final = 4 << 10  #: bytes that a body's time limit grows by a second for
_OWN_FILES: Final = 2 * BACKLOG + 100  #: kept free: what was accepted and not counted yet, databases, calls to others
_FEWEST: Final = 16


class OpenConnections:
    """The open connections of one service.

    Where one of them must go, it is the one that was silent longest among those without a request, else among those
    whose request is not complete. When all wait for an answer, the new one is refused.
    """

    def __init__(self, access: ServiceAccess) -> None:
        self.access = access
        self._most = max(_FEWEST, min(access.connections, _max_open_files() - _OWN_FILES))
        self._open: dict[BoundedHttp, str] = {}  # client, longest silent first

    def admit(self, new: "BoundedHttp", host: str) -> int:
        """Count a new connection; return 0, or the HTTP status with which to refuse it."""
        client, most = client_of(host), self.access.connections_per_client
        if most and not self.access.trusts(host):
            mine = [each for each, owner in self._open.items() if owner == client]
            if len(mine) >= most and not self._make_room(mine):
                return 429
        if len(self._open) >= self._most and not self._make_room(list(self._open)):
            return 503
        self._open[new] = client
        return 0

    def touch(self, connection: "BoundedHttp") -> None:
        """Note that a request of this connection ended just now."""
        if connection in self._open:
            self._open[connection] = self._open.pop(connection)

    def release(self, connection: "BoundedHttp") -> None:
        """Forget a closed connection."""
        self._open.pop(connection, None)

    def _make_room(self, among: "list[BoundedHttp]") -> bool:
        # A connection that became a WebSocket does not tell its end here.
        over = [each for each in among if each.transport.is_closing() or not each.busy]
        over += [each for each in among if each.receiving]
        if not over:
            return False
        gone = over[0]
        gone.transport.abort()
        self.release(gone)
        return True


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol with time limits: for a request's head, for its body, and for a client that does not read."""

    ledger: OpenConnections
    receiving = False  #: the head of a request is complete and its body is not

    _timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _body_bytes = 0
    _body_began = 0.0
    _upgraded = False

    @property
    def busy(self) -> bool:
        """Return whether a request is in progress: its head was read and its answer is not complete."""
        return self._upgraded or self.receiving or self._answering

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, or refuse it."""
        super().connection_made(transport)
        if status := self.ledger.admit(self, self.client[0] if self.client else ""):
            self._refuse(status, "too many connections are open; try again later.")
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._stop()
        if self._write_timer is not None:
            self._write_timer.cancel()
        self.ledger.release(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head has a limit in bytes too."""
        if self.transport.is_closing():
            return
        if self.receiving:
            self._body_bytes += len(data)
        else:
            self._head_bytes += len(data)
            if self._timer is None:
                self._await_head()
        super().data_received(data)
        if not self.receiving and self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, f"a request's head has at most {MOST_HEAD_BYTES} bytes.")

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; what is said on it has limits of its own."""
        self._stop()
        self._upgraded = True
        super().handle_websocket_upgrade()

    def on_headers_complete(self) -> None:
        """Begin the time of the body."""
        self._stop()
        self._head_bytes, self._body_bytes, self.receiving = 0, 0, True
        self._body_began = self.loop.time()
        self._arm(self.ledger.access.body_seconds, self._body_late)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the time of the body."""
        self._stop()
        self.receiving, self._head_bytes = False, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note when the connection became idle."""
        super().on_response_complete()
        self.ledger.touch(self)

    def pause_writing(self) -> None:
        """Begin the time in which the client must read."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self.ledger.access.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """End that time."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        self._arm(self.ledger.access.head_seconds, self._head_late)

    def _head_late(self) -> None:
        if self._answering:  # the client sends the next request already; the answer to this one comes first
            self._await_head()
        else:
            self._refuse(408, "the head of a request did not arrive in time.")

    def _body_late(self) -> None:
        late = self.loop.time() - self._body_began - self.ledger.access.body_seconds - self._body_bytes / BODY_RATE
        if self.flow.read_paused:  # it is the service that does not read
            self._body_began = self.loop.time()
            self._arm(self.ledger.access.body_seconds, self._body_late)
        elif late < 0:
            self._arm(-late, self._body_late)
        else:
            self._refuse(408, "the body of a request did not arrive in time.")

    def _arm(self, seconds: float, then: Any) -> None:
        self._stop()
        self._timer = self.loop.call_later(seconds, then)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int, sentence: str) -> None:
        self._stop()
        if not self._answering or not self.cycle.response_started:
            body = encode({"error": sentence, "money": "No money moved."})
            lines = [b"content-type: application/json", b"content-length: %d" % len(body), b"connection: close"]
            if status in {429, 503}:
                lines.append(b"retry-after: 10")
            self.transport.write(STATUS_LINE[status] + b"\r\n".join([*lines, b"", body]))
        if self._answering:
            self.cycle.disconnected = True  # the handler that waits for the body is told that nobody is there
            self.cycle.message_event.set()
        self.transport.close()


def bounded_protocol(ledger: OpenConnections) -> type[BoundedHttp]:
    """Return the protocol class of one service, as uvicorn takes it."""
    return type("BoundedHttp", (BoundedHttp,), {"ledger": ledger})


def _max_open_files() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft

"""Bounded HTTP connections: limits for each client and in total, and time limits for slow clients.

uvicorn's HTTP protocol waits without a limit for the head and the body of a request and for a client that does not
read. The subclass adds the time limits; ``OpenConnections`` admits connections.
"""

import asyncio
import resource
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from sealgrid.wire.message import encode
from sealgrid.wire.rate_limit import client_of
from sealgrid.wire.service_access import ServiceAccess

BACKLOG: Final = 128  #: length of the kernel's accept queue, accepted in one go
MAX_HEAD_BYTES: Final = 64 << 10
BODY_RATE: Final = 4 << 10  #: bytes for which the time limit of a body grows by one second
_RESERVED_FILES: Final = 2 * BACKLOG + 100  #: file descriptors for uncounted connections, databases, outgoing calls
_MIN_CONNECTIONS: Final = 16


class OpenConnections:
    """The open connections of one service.

    At a limit it closes the longest silent connection without a request, else the longest silent one with an incomplete
    request. If every connection waits for an answer, the new one is rejected.
    """

    def __init__(self, access: ServiceAccess) -> None:
        self.access = access
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        limit = (
            access.connections if files == resource.RLIM_INFINITY else min(access.connections, files - _RESERVED_FILES)
        )
        self.limit = max(_MIN_CONNECTIONS, limit)
        self._open: dict[BoundedHttp, str] = {}  # client; longest silent first

    def admit(self, new: "BoundedHttp", host: str) -> int:
        """Count a new connection; return 0, or the HTTP status of a rejection."""
        client, limit = client_of(host), self.access.connections_per_client
        if limit and not self.access.is_trusted_proxy(host):
            of_client = [each for each, owner in self._open.items() if owner == client]
            if len(of_client) >= limit and not self._make_room(of_client):
                return 429
        if len(self._open) >= self.limit and not self._make_room(list(self._open)):
            return 503
        self._open[new] = client
        return 0

    def touch(self, connection: "BoundedHttp") -> None:
        """Record that a request of this connection ended."""
        if connection in self._open:
            self._open[connection] = self._open.pop(connection)

    def release(self, connection: "BoundedHttp") -> None:
        """Remove a closed connection."""
        self._open.pop(connection, None)

    def _make_room(self, candidates: "list[BoundedHttp]") -> bool:
        # A WebSocket connection does not call release.
        closable = [each for each in candidates if each.transport.is_closing() or not each.busy]
        closable += [each for each in candidates if each.receiving]
        if not closable:
            return False
        oldest = closable[0]
        oldest.transport.abort()
        self.release(oldest)
        return True


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP protocol with time limits for head, body and unread answers."""

    open_connections: OpenConnections
    receiving = False  #: the head of a request is complete and its body is not

    _timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _body_bytes = 0
    _body_began = 0.0
    _upgraded = False

    @property
    def busy(self) -> bool:
        """Return whether a request is in progress, from its head to the end of its answer."""
        return self._upgraded or self.receiving or self._answering

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, or reject it."""
        super().connection_made(transport)
        if status := self.open_connections.admit(self, self.client[0] if self.client else ""):
            self._reject(status, "too many connections are open; try again later.")
            return
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._cancel_timer()
        if self._write_timer is not None:
            self._write_timer.cancel()
        self.open_connections.release(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; limit the size of a head."""
        if self.transport.is_closing():
            return
        if self.receiving:
            self._body_bytes += len(data)
        else:
            self._head_bytes += len(data)
            if self._timer is None:
                self._start_head_timer()
        super().data_received(data)
        if not self.receiving and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._reject(431, f"a request's head has at most {MAX_HEAD_BYTES} bytes.")

    def handle_websocket_upgrade(self) -> None:
        """Pass the connection to the WebSocket protocol, which has its own limits."""
        self._cancel_timer()
        self._upgraded = True
        super().handle_websocket_upgrade()

    def on_headers_complete(self) -> None:
        """Start the time limit of the body."""
        self._cancel_timer()
        self._head_bytes, self._body_bytes, self.receiving = 0, 0, True
        self._body_began = self.loop.time()
        self._start_timer(self.open_connections.access.body_seconds, self._on_body_timeout)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the time limit of the body."""
        self._cancel_timer()
        self.receiving, self._head_bytes = False, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Record the time at which the connection became idle."""
        super().on_response_complete()
        self.open_connections.touch(self)

    def pause_writing(self) -> None:
        """Start the time limit for the client to read."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self.open_connections.access.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop that time limit."""
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _start_head_timer(self) -> None:
        self._start_timer(self.open_connections.access.head_seconds, self._on_head_timeout)

    def _on_head_timeout(self) -> None:
        if self._answering:  # the client pipelines the next request
            self._start_head_timer()
        else:
            self._reject(408, "the head of a request did not arrive in time.")

    def _on_body_timeout(self) -> None:
        allowed = self.open_connections.access.body_seconds + self._body_bytes / BODY_RATE
        late = self.loop.time() - self._body_began - allowed
        if self.flow.read_paused:  # the service, not the client, paused
            self._body_began = self.loop.time()
            self._start_timer(self.open_connections.access.body_seconds, self._on_body_timeout)
        elif late < 0:
            self._start_timer(-late, self._on_body_timeout)
        else:
            self._reject(408, "the body of a request did not arrive in time.")

    def _start_timer(self, seconds: float, callback: Any) -> None:
        self._cancel_timer()
        self._timer = self.loop.call_later(seconds, callback)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _reject(self, status: int, sentence: str) -> None:
        self._cancel_timer()
        if not self._answering or not self.cycle.response_started:
            body = encode({"error": sentence, "money": "No money moved."})
            lines = [b"content-type: application/json", b"content-length: %d" % len(body), b"connection: close"]
            if status in {429, 503}:
                lines.append(b"retry-after: 10")
            self.transport.write(STATUS_LINE[status] + b"\r\n".join([*lines, b"", body]))
        if self._answering:
            self.cycle.disconnected = True  # informs the handler that waits for the body
            self.cycle.message_event.set()
        self.transport.close()


def bounded_protocol(open_connections: OpenConnections) -> type[BoundedHttp]:
    """Return the protocol class of one service for uvicorn."""
    return type("BoundedHttp", (BoundedHttp,), {"open_connections": open_connections})

"""Socket.IO feed at /ws, with iExec's topics, events and messages.

A client gets each event after its subscription once. A client that reads too slowly is disconnected instead of skipping
events: after a reconnect it knows that it missed some, and queries the HTTP API.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Any, Final, NoReturn

import socketio  # type: ignore[import-untyped]

from sealgrid.market.feed.events import TOPICS, Event, Topic, feed_event, topic_of
from sealgrid.wire.server import MAX_WEBSOCKET_BYTES, log_unexpected_error

PATH: Final = "/ws"
MAX_UNREAD: Final = 256  #: messages that one client may leave unread
MAX_QUEUED: Final = 4096  #: events that are not emitted yet
_quiet = logging.getLogger("sealgrid.feed.engine")
_quiet.setLevel(logging.CRITICAL)  # clients' malformed messages would fill the log


class MarketFeed:
    """Feed of one chain: ``notify`` queues events, ``run`` emits them, ``close`` ends it."""

    def __init__(self, chain: int) -> None:
        self._chain = str(chain)
        self._listeners: dict[Topic, set[str]] = {topic: set() for topic in TOPICS}
        self._queue: asyncio.Queue[Event] = asyncio.Queue()
        self._server = socketio.AsyncServer(
            async_mode="asgi",
            async_handlers=False,
            cors_allowed_origins="*",
            cors_credentials=False,
            max_http_buffer_size=MAX_WEBSOCKET_BYTES,
            logger=_quiet,
            engineio_logger=_quiet,
        )
        for name, handler in (("join", self._join), ("leave", self._leave), ("leaveAll", self._leave_all)):
            self._server.on(name, handler)
        self._server.on("disconnect", self._on_disconnect)
        self.app = socketio.ASGIApp(self._server, socketio_path=PATH)

    def notify(self, events: Sequence[Event]) -> None:
        """Queue events that have a subscriber."""
        for event in events:
            if self._listeners[topic_of(event)]:
                self._queue.put_nowait(event)

    async def run(self) -> NoReturn:
        """Emit queued events until cancelled."""
        while True:
            event = await self._queue.get()
            try:
                if self._queue.qsize() <= MAX_QUEUED:
                    await self._emit(event)
                    continue
                # Too many events to emit one by one, for example after the chain was replaced.
                while not self._queue.empty():
                    self._queue.get_nowait()
                await self.end_connections()
            except Exception as error:  # noqa: BLE001  an error of the feed must not stop the market
                log_unexpected_error(error)

    def clients(self) -> Iterator[str]:
        """Yield the network address of each open connection that has one."""
        for environ in self._server.environ.values():
            if (client := environ["asgi.scope"].get("client")) is not None:
                yield client[0]

    def count(self) -> int:
        """Return how many connections are open."""
        return len(self._server.environ)

    async def end_connections(self) -> None:
        """End every connection; clients may reconnect."""
        for connection in tuple(self._server.environ):
            await self._disconnect(connection)

    async def close(self) -> None:
        """End every connection permanently."""
        await self.end_connections()
        await self._server.shutdown()

    # --- client messages

    async def _join(self, sid: str, request: object = None, *_: object) -> object:
        topic = self._topic(request)
        if topic is None:
            return False, f'send {{"chainId": {self._chain}, "topic": "orders" or "deals"}}.'
        self._listeners[topic].add(sid)
        await self._server.enter_room(sid, topic)
        return True

    async def _leave(self, sid: str, request: object = None, *_: object) -> bool:
        topic = self._topic(request)
        if topic is not None:
            self._listeners[topic].discard(sid)
            await self._server.leave_room(sid, topic)
        return True

    async def _leave_all(self, sid: str, *_: object) -> bool:
        self._on_disconnect(sid)
        for topic in TOPICS:
            await self._server.leave_room(sid, topic)
        return True

    def _on_disconnect(self, sid: str, *_: object) -> None:
        for listeners in self._listeners.values():
            listeners.discard(sid)

    def _topic(self, request: object) -> Topic | None:
        if not isinstance(request, dict) or str(request.get("chainId")) != self._chain:
            return None
        return next((topic for topic in TOPICS if topic == request.get("topic")), None)

    # --- emitting

    async def _emit(self, event: Event) -> None:
        message = feed_event(event, int(self._chain))
        await self._server.emit(message.name, message.message, room=message.topic)
        for sid in tuple(self._listeners[message.topic]):
            connection = self._server.manager.eio_sid_from_sid(sid, "/")
            socket = self._server.eio.sockets.get(connection)
            if socket is not None and socket.queue.qsize() > MAX_UNREAD:
                await self._disconnect(connection)

    async def _disconnect(self, connection: str) -> None:
        # Socket.IO's disconnect message would stop the client from reconnecting. Unread messages are dropped.
        socket: Any = self._server.eio.sockets.get(connection)
        if socket is None:
            return
        while not socket.queue.empty():
            socket.queue.get_nowait()
            socket.queue.task_done()
        await socket.close(wait=False, abort=True)
        await socket.queue.put(None)

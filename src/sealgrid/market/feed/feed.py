"""Tells whoever listens what happens in the market: Socket.IO at /ws, with iExec's topics, events and messages.

Nobody is told what happened before they joined, or twice. Whoever does not read fast enough is cut off rather than told
with gaps: a client that comes back knows that it missed something, and asks the pages.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Any, Final, NoReturn

import socketio  # type: ignore[import-untyped]

from sealgrid.market.feed.events import TOPICS, Event, Topic, announce, topic_of
from sealgrid.wire.server import MOST_WEBSOCKET_BYTES, log_unexpected_error

PATH: Final = "/ws"
MOST_BEHIND: Final = 256  #: announcements that one listener may have not read yet
MOST_WAITING: Final = 4096  #: events that are not announced yet
_quiet = logging.getLogger("sealgrid.feed.engine")
_quiet.setLevel(logging.CRITICAL)  # or any client could fill the log with its mistakes


class MarketFeed:
    """One chain's listeners. ``tell`` it what happened, keep ``run`` running, ``close`` it at the end."""

    def __init__(self, chain: int) -> None:
        self._chain = str(chain)
        self._listeners: dict[Topic, set[str]] = {topic: set() for topic in TOPICS}
        self._waiting: asyncio.Queue[Event] = asyncio.Queue()
        self._server = socketio.AsyncServer(
            async_mode="asgi",
            async_handlers=False,
            cors_allowed_origins="*",
            cors_credentials=False,
            max_http_buffer_size=MOST_WEBSOCKET_BYTES,
            logger=_quiet,
            engineio_logger=_quiet,
        )
        for name, handler in (("join", self._join), ("leave", self._leave), ("leaveAll", self._leave_all)):
            self._server.on(name, handler)
        self._server.on("disconnect", self._gone)
        self.app = socketio.ASGIApp(self._server, socketio_path=PATH)

    def tell(self, events: Sequence[Event]) -> None:
        """Take note of what happened, for those who listen now."""
        for event in events:
            if self._listeners[topic_of(event)]:
                self._waiting.put_nowait(event)

    async def run(self) -> NoReturn:
        """Announce for ever."""
        while True:
            event = await self._waiting.get()
            try:
                await (self._start_over() if self._waiting.qsize() > MOST_WAITING else self._announce(event))
            except Exception as error:  # noqa: BLE001  nothing about listeners may stop the market
                log_unexpected_error(error)

    def clients(self) -> Iterator[str]:
        """Yield the network address of each open connection; of nobody whose address is not known."""
        for environ in self._server.environ.values():
            if (client := environ["asgi.scope"].get("client")) is not None:
                yield client[0]

    def count(self) -> int:
        """Return how many connections are open."""
        return len(self._server.environ)

    async def end_connections(self) -> None:
        """End every connection; clients may come back."""
        for connection in tuple(self._server.environ):
            await self._cut_off(connection)

    async def close(self) -> None:
        """End every connection, for good."""
        await self.end_connections()
        await self._server.shutdown()

    # --- what listeners say

    async def _join(self, sid: str, asked: object = None, *_: object) -> object:
        topic = self._topic(asked)
        if topic is None:
            return False, f'say {{"chainId": {self._chain}, "topic": "orders" or "deals"}}.'
        self._listeners[topic].add(sid)
        await self._server.enter_room(sid, topic)
        return True

    async def _leave(self, sid: str, asked: object = None, *_: object) -> bool:
        topic = self._topic(asked)
        if topic is not None:
            self._listeners[topic].discard(sid)
            await self._server.leave_room(sid, topic)
        return True

    async def _leave_all(self, sid: str, *_: object) -> bool:
        self._gone(sid)
        for topic in TOPICS:
            await self._server.leave_room(sid, topic)
        return True

    def _gone(self, sid: str, *_: object) -> None:
        for listeners in self._listeners.values():
            listeners.discard(sid)

    def _topic(self, asked: object) -> Topic | None:
        if not isinstance(asked, dict) or str(asked.get("chainId")) != self._chain:
            return None
        return next((topic for topic in TOPICS if topic == asked.get("topic")), None)

    # --- what they are told

    async def _announce(self, event: Event) -> None:
        said = announce(event, int(self._chain))
        await self._server.emit(said.name, said.message, room=said.topic)
        for sid in tuple(self._listeners[said.topic]):
            connection = self._server.manager.eio_sid_from_sid(sid, "/")
            if self._waits_for(connection) > MOST_BEHIND:
                await self._cut_off(connection)

    async def _start_over(self) -> None:
        # More happened than can be told one by one, as when the chain was replaced.
        while not self._waiting.empty():
            self._waiting.get_nowait()
        await self.end_connections()

    def _waits_for(self, connection: str) -> int:
        socket = self._server.eio.sockets.get(connection)
        return 0 if socket is None else int(socket.queue.qsize())

    async def _cut_off(self, connection: str) -> None:
        # Not by Socket.IO's own message, which tells a client never to come back; and what nobody reads is dropped.
        socket: Any = self._server.eio.sockets.get(connection)
        if socket is None:
            return
        while not socket.queue.empty():
            socket.queue.get_nowait()
            socket.queue.task_done()
        await socket.close(wait=False, abort=True)
        await socket.queue.put(None)

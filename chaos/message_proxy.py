"""An HTTP/1.1 proxy between workers and one replica of a pool, which delays, doubles and drops messages.

One request is one connection to the replica. While the replica refuses connections, another one gets the request, as
from a load balancer.
"""

import asyncio
import random
import re
from dataclasses import dataclass, field

_MAX_HEAD = 1 << 16


@dataclass
class LinkFaults:
    """What happens to each message now; probabilities from 0 to 1, and seconds."""

    delay: float = 0.0  #: the most that a request, or a reply, is late
    double: float = 0.0
    drop: float = 0.0  #: of a request, and again of its reply


@dataclass
class MessageProxy:
    """A proxy on a free loopback port; ``targets`` are the ports of the replicas, its own first."""

    targets: tuple[int, ...]
    chance: random.Random
    faults: LinkFaults = field(default_factory=LinkFaults)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("sent", "delayed", "doubled", "dropped"), 0))
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> str:
        """Listen; return the URL."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MAX_HEAD)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close the listener and all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            request = await _read_request(reader)
            reply = None if request is None else await self._exchange(request)
            if reply is not None:  # it says that the connection closes
                writer.write(reply)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        except asyncio.CancelledError:  # of ``stop`` alone: the server logs a handler that was cancelled
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, request: bytes) -> bytes | None:
        """Pass a request on; return the reply, or None if request or reply is lost."""
        self.counts["sent"] += 1
        if self._happens(self.faults.drop):
            self.counts["dropped"] += 1
            return None
        await self._delay()
        if self._happens(self.faults.double):
            self.counts["doubled"] += 1
            first = asyncio.ensure_future(self._forward(request))
            reply = await self._forward(request)
            first.cancel()
            await asyncio.wait({first})
        else:
            reply = await self._forward(request)
        if reply is not None and self._happens(self.faults.drop):
            self.counts["dropped"] += 1
            return None
        await self._delay()
        return reply

    async def _delay(self) -> None:
        if self.faults.delay:
            self.counts["delayed"] += 1
            await asyncio.sleep(self.chance.uniform(0, self.faults.delay))

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self.chance.random() < probability

    async def _forward(self, request: bytes) -> bytes | None:
        for port in self.targets:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            try:
                writer.write(request)
                await writer.drain()
                return await reader.read() or None
            except OSError:
                return None
            finally:
                writer.close()
        return None


async def _read_request(reader: asyncio.StreamReader) -> bytes | None:
    """Return a request with ``Connection: close`` in its head; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
    body = await reader.readexactly(int(length[1])) if length else b""
    lines = [line for line in head[:-4].split(b"\r\n") if not line.lower().startswith((b"connection:", b"keep-alive:"))]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body

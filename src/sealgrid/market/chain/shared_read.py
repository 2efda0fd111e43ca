"""Lets concurrent requests share one read of the chain's head."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

MIN_INTERVAL: Final = 0.005  #: seconds between the starts of two reads: bounds the load on the chain's node


class SharedRead:
    """Runs ``read`` for its callers, one at a time; each gets a read that started after its call.

    ``clock`` returns monotonic seconds, ``pause`` waits a number of seconds.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[None]],
        *,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._read, self._clock, self._pause = read, clock, pause
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None  # has not started to read; calls may still join it
        self._started_at = float("-inf")

    async def wait(self) -> None:
        """Return when a read that started after this call has ended; raise what it raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._run(self._running))
        # The task belongs to all its callers: one that is cancelled must not cancel it for the others.
        await asyncio.shield(self._next)

    async def _run(self, previous: "asyncio.Task[None] | None") -> None:
        if previous is not None:
            await asyncio.wait([previous])
        left = self._started_at + MIN_INTERVAL - self._clock()
        if left > 0:
            await self._pause(left)
        self._running, self._next = self._next, None
        self._started_at = self._clock()
        await self._read()

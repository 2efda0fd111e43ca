"""Limits on live timelines: each open one polls the pool and the chain."""

from typing import Final
from weakref import WeakSet

from sealgrid.errors import TooManyRequests
from sealgrid.units import TaskId

MAX_TIMELINES: Final = 200  #: open at one time
_RETRY_SECONDS: Final = 10


class TimelineSlot:
    """One live timeline. Its slot is free once the stream ends, or once an unread stream is garbage-collected."""

    def __init__(self, client: str, task: TaskId) -> None:
        self.client, self.task = client, task


class TimelineLimits:
    """Counts the open live timelines of a site; 0 disables a limit."""

    def __init__(self, per_client: int = 20, per_task: int = 50) -> None:
        self._per_client, self._per_task = per_client, per_task
        self._slots: WeakSet[TimelineSlot] = WeakSet()

    def __len__(self) -> int:
        """Return the number of open timelines."""
        return len(self._slots)

    def acquire(self, client: str, task: TaskId) -> TimelineSlot:
        """Return a slot, to be released when the stream ends; raise TooManyRequests at a limit."""
        of_client = sum(slot.client == client for slot in self._slots)
        of_task = sum(slot.task == task for slot in self._slots)
        for count, limit, scope in (
            (len(self._slots), MAX_TIMELINES, "in all"),
            (of_client, self._per_client, "of one client"),
            (of_task, self._per_task, "of one task"),
        ):
            if limit and count >= limit:
                message = f"{count} live timelines {scope} are open, which is the limit; the page works without one."
                raise TooManyRequests(message, seconds=_RETRY_SECONDS, money="")
        slot = TimelineSlot(client, task)
        self._slots.add(slot)
        return slot

    def release(self, slot: TimelineSlot) -> None:
        """Free a slot; freeing it twice does nothing."""
        self._slots.discard(slot)

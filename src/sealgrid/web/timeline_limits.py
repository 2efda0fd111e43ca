"""Limits on live timelines: each open one asks pool and chain again and again."""

from typing import Final
from weakref import WeakSet

from sealgrid.errors import TooManyRequests
from sealgrid.units import TaskId

MOST: Final = 200  #: live timelines at one time
_AGAIN_SECONDS: Final = 10


class TimelineSlot:
    """One live timeline. Free once its stream ended or, for a stream that nobody read, once nothing refers to it."""

    def __init__(self, client: str, task: TaskId) -> None:
        self.client, self.task = client, task


class TimelineLimits:
    """The open live timelines of a site; limits of 0 are none."""

    def __init__(self, per_client: int = 20, per_task: int = 50) -> None:
        self._per_client, self._per_task = per_client, per_task
        self._open: WeakSet[TimelineSlot] = WeakSet()

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def enter(self, client: str, task: TaskId) -> TimelineSlot:
        """Return a place, to be kept while the timeline is open; raise TooManyRequests where there is none."""
        mine = sum(each.client == client for each in self._open)
        same = sum(each.task == task for each in self._open)
        for count, most, of in (
            (len(self._open), MOST, "in all"),
            (mine, self._per_client, "of one client"),
            (same, self._per_task, "of one task"),
        ):
            if most and count >= most:
                sentence = f"{count} live timelines {of} are open, the most that are; the page itself is there."
                raise TooManyRequests(sentence, seconds=_AGAIN_SECONDS, money="")
        slot = TimelineSlot(client, task)
        self._open.add(slot)
        return slot

    def leave(self, slot: TimelineSlot) -> None:
        """Free a slot; freeing it twice does nothing."""
        self._open.discard(slot)

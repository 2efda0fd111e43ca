"""Notifications by which replicas of a pool on one PostgreSQL tell each other what a transaction changed."""

from collections.abc import Iterator
from typing import Final

import msgspec

from sealgrid.pool.pool_store import Changes
from sealgrid.units import TaskId

_TASKS: Final = 100  #: in one notification; PostgreSQL permits 8000 bytes


class ChangeNotification(msgspec.Struct, frozen=True):
    """Changes, and the replica that made them."""

    replica: str
    tasks: tuple[TaskId, ...]
    assignable: bool
    work: bool

    @property
    def changes(self) -> Changes:
        """Return the changes."""
        return Changes(frozenset(self.tasks), self.assignable, self.work)


def notifications(replica: str, changes: Changes) -> Iterator[str]:
    """Yield the texts that announce changes; none if nothing changed."""
    tasks = sorted(changes.tasks)
    for start in range(0, max(len(tasks), changes.assignable or changes.work), _TASKS):
        some = tuple(tasks[start : start + _TASKS])
        yield msgspec.json.encode(ChangeNotification(replica, some, changes.assignable, changes.work)).decode()


def parse_notification(text: str) -> ChangeNotification:
    """Return a notification; raise msgspec.DecodeError for another text."""
    return msgspec.json.decode(text, type=ChangeNotification)

"""What pages read once from the storage and share: many visitors must not make many readings of one large file."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class SharedReads(Generic[K, V]):
    """The latest ``most`` readings, those under way included; one that failed is made again when next asked for."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[K, asyncio.Task[V]] = {}

    async def once(self, key: K, read: Callable[[], Coroutine[object, object, V]]) -> V:
        """Return what reading gave, or gives to whoever asked first; raise what it raised."""
        if key not in self._known:
            while len(self._known) >= self._most:
                self._known.pop(next(iter(self._known)))
            self._known[key] = asyncio.create_task(read())
            self._known[key].add_done_callback(lambda done: self._forget_failed(key, done))
        return await asyncio.shield(self._known[key])  # whoever asked first may leave

    def _forget_failed(self, key: K, done: asyncio.Task[V]) -> None:
        if (done.cancelled() or done.exception() is not None) and self._known.get(key) is done:
            del self._known[key]

"""Cache of chain reads by block hash. A read at a block's hash never changes, so the newest blocks' reads are kept."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

from sealgrid.units import Digest

BLOCKS: Final = 2  #: the newest, and its predecessor for requests in progress
MAX_RESULTS: Final = 1024  #: per block

T = TypeVar("T")
Query = tuple[object, ...]


class BlockCache:
    """Results by block hash and query; concurrent callers of one query share one read."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[Digest, dict[Query, asyncio.Future[Any]]] = OrderedDict()

    async def get(self, at: Digest, query: Query, read: Callable[[], Awaitable[T]]) -> T:
        """Return the result of a query at a block, reading it if needed; a failed read is not cached."""
        results = self._blocks.setdefault(at, {})
        while len(self._blocks) > BLOCKS:
            self._blocks.popitem(last=False)
        if query not in results:
            if len(results) >= MAX_RESULTS:
                results.clear()
            results[query] = asyncio.ensure_future(read())
        reading = results[query]
        try:
            return cast("T", await asyncio.shield(reading))  # other callers may wait for the same read
        except BaseException:
            if reading.done() and (reading.cancelled() or reading.exception() is not None):
                results.pop(query, None)
            raise

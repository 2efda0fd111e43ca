"""Single writer of the order database: batches operations into transactions and applies changes to the order book."""

import asyncio
from collections.abc import Sequence
from typing import Final

from sqlalchemy.exc import InterfaceError, OperationalError

from sealgrid.market.book.order_book import OrderBook
from sealgrid.market.feed.events import Notify
from sealgrid.market.store import Operation, OrderStore, StoreChange

_MAX_BATCH: Final = 500
_POLL_SECONDS: Final = 0.2  #: upper bound on how late another replica's order reaches this replica's book
_UNAVAILABLE: Final = (OperationalError, InterfaceError)  #: the database failed, not an operation: no retry helps


class _PendingOperation:
    """An operation and the caller that waits for it."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.result: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def resolve(self, had_effect: bool) -> None:
        if not self.result.done():  # the caller may have been cancelled
            self.result.set_result(had_effect)

    def fail(self, error: Exception) -> None:
        if not self.result.done():
            self.result.set_exception(error)


class BatchWriter:
    """Serialises all writes of one replica. Operations that arrive during a commit share the next transaction.

    ``notify`` is called with the events of each change of the book.
    """

    def __init__(self, store: OrderStore, book: OrderBook, notify: Notify) -> None:
        self._store, self._book, self._notify = store, book, notify
        self._last_applied = 0
        self._queue: asyncio.Queue[_PendingOperation] = asyncio.Queue()

    async def submit(self, operation: Operation) -> bool:
        """Return whether the operation had an effect, after it is durable and visible in the book."""
        pending = _PendingOperation(operation)
        self._queue.put_nowait(pending)
        return await pending.result

    async def sync(self) -> None:
        """Apply all changes that the database has and the book lacks. Called at start-up."""
        self._apply(await asyncio.to_thread(self._store.changes_since, self._last_applied))

    async def run(self) -> None:
        """Write batches until cancelled. A failed transaction fails its operations, not the writer.

        An operation's own error reaches its caller alone: the rest of its batch is written without it.
        """
        while True:
            batch = await self._collect_batch()
            error = await self._write(batch)
            if error is None:
                continue
            if len(batch) == 1 or isinstance(error, _UNAVAILABLE):
                for pending in batch:
                    pending.fail(error)
                continue
            for pending in batch:
                if (own_error := await self._write([pending])) is not None:
                    pending.fail(own_error)

    async def _collect_batch(self) -> list[_PendingOperation]:
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                batch = [await self._queue.get()]
        except TimeoutError:
            return []
        while not self._queue.empty() and len(batch) < _MAX_BATCH:
            batch.append(self._queue.get_nowait())
        return batch

    async def _write(self, batch: Sequence[_PendingOperation]) -> Exception | None:
        try:
            results, changes = await asyncio.to_thread(self._commit, [pending.operation for pending in batch])
        except Exception as error:  # noqa: BLE001  nothing was committed; the caller decides about a retry
            return error
        self._apply(changes)
        for pending, had_effect in zip(batch, results, strict=True):
            pending.resolve(had_effect)
        return None

    def _commit(self, operations: Sequence[Operation]) -> tuple[Sequence[bool], Sequence[StoreChange]]:
        if not operations:
            return (), self._store.changes_since(self._last_applied)
        result = self._store.perform(operations)
        if result.changes and result.changes[0].number != self._last_applied + 1:
            # Another replica committed changes in between.
            return result.had_effect, self._store.changes_since(self._last_applied)
        return result.had_effect, result.changes

    def _apply(self, changes: Sequence[StoreChange]) -> None:
        for change in changes:
            if change.published is None:
                self._notify(self._book.withdraw(change.order_hash))
            else:
                self._notify(self._book.publish(change.published))
            self._last_applied = change.number

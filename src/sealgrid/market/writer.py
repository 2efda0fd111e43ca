"""Brings what users do into the database and what the database says into the book, many at a time."""

import asyncio
from collections.abc import Sequence
from typing import Final

from sealgrid.market.book.order_book import OrderBook
from sealgrid.market.feed.events import Tell
from sealgrid.market.store import Operation, OrderStore, StoreChange

_MOST_AT_ONCE: Final = 500
_LOOK_SECONDS: Final = 0.2  #: how late another replica's order may come into this one's book


class BatchWriter:
    """One writer: what waits while it writes is written together in the next transaction. Use it in ``run``.

    ``tell`` hears what that did to open orders.
    """

    def __init__(self, store: OrderStore, book: OrderBook, tell: Tell) -> None:
        self._store, self._book, self._tell = store, book, tell
        self._seen = 0
        self._waiting: asyncio.Queue[tuple[Operation, asyncio.Future[bool]]] = asyncio.Queue()

    async def do(self, operation: Operation) -> bool:
        """Do one thing; return, once it is kept and in the book, whether it did anything."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((operation, future))
        return await future

    async def catch_up(self) -> None:
        """Bring the book up to the database, as at the start."""
        self._enter(await asyncio.to_thread(self._since))

    async def run(self) -> None:
        """Write and read for ever."""
        while True:
            batch = await self._next()
            try:
                done, changes = await asyncio.to_thread(self._write, [operation for operation, _ in batch])
            except Exception as error:  # noqa: BLE001  whoever waits is told, and the next batch is tried
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            self._enter(changes)
            for (_, future), did in zip(batch, done, strict=True):
                if not future.done():  # whoever asked may have gone
                    future.set_result(did)

    async def _next(self) -> list[tuple[Operation, asyncio.Future[bool]]]:
        try:
            batch = [await asyncio.wait_for(self._waiting.get(), _LOOK_SECONDS)]
        except TimeoutError:
            return []
        while not self._waiting.empty() and len(batch) < _MOST_AT_ONCE:
            batch.append(self._waiting.get_nowait())
        return batch

    def _write(self, operations: Sequence[Operation]) -> tuple[Sequence[bool], Sequence[StoreChange]]:
        if not operations:
            return (), self._since()
        done = self._store.perform(operations)
        if done.changes and done.changes[0].number != self._seen + 1:
            return done.did, self._since()  # another replica made changes in between
        return done.did, done.changes

    def _since(self) -> Sequence[StoreChange]:
        return self._store.changes_since(self._seen)

    def _enter(self, changes: Sequence[StoreChange]) -> None:
        for change in changes:
            if change.listed is None:
                self._tell(self._book.withdraw(change.order_hash))
            else:
                self._tell(self._book.publish(change.listed))
            self._seen = change.number

"""A purchased bag: the tasks of one app with an input each; results in order or as they complete."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from sealgrid.errors import InputRefused, OrderRefused, SealgridError, StillRunning
from sealgrid.sdk.amounts import Amount, Price, amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.money import UNMATCHED, attach
from sealgrid.sdk.operations import buy_bag
from sealgrid.sdk.operations.bag_progress import BagProgress, OnBagProgress, ignore_bag_progress, seconds_left
from sealgrid.sdk.operations.bag_purchase import BagBuyer, BagContent, BagStores
from sealgrid.sdk.operations.bag_watch import ended_tasks
from sealgrid.sdk.operations.buy import PurchasedTask
from sealgrid.sdk.operations.open_result import RunResult
from sealgrid.sdk.progress import Progress, ignore_progress
from sealgrid.sdk.resources.runs import AsyncRun
from sealgrid.sdk.stores.bag_store import BagRecord
from sealgrid.units import TaskId

OPENING: Final = 8  #: results that are opened at a time


@dataclass(frozen=True, slots=True)
class ShardOutcome:
    """The end of one shard: a result or an error."""

    index: int  #: of the shard, from 0
    name: str
    task: TaskId | None  #: that computed it, for ``Client.reopen``; None if none was bought
    result: RunResult | None
    error: SealgridError | None


class AsyncBag:
    """Tasks of one app with an input each. ``shards`` are its inputs; a shard that failed can be bought again."""

    def __init__(
        self,
        conn: Connection,
        stores: BagStores,
        record: BagRecord,
        tasks: Sequence[PurchasedTask | None],
        *,
        content: BagContent | None = None,
        expected_seconds: float | None = None,
    ) -> None:
        self._conn, self._stores, self._record, self._content = conn, stores, record, content
        self._tasks = list(tasks)  # by shard
        self._expected = expected_seconds  # of one run

    @property
    def id(self) -> str:
        """Return the id; ``Client.bag`` opens the bag with it at any later time."""
        return self._record.id

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the shards."""
        return self._record.names

    @property
    def price(self) -> Amount:
        """Return the price of the tasks that compute the shards now, together; shards bought again count once."""
        return Amount(sum(task.terms.price for task in self._tasks if task is not None))

    @property
    def runs(self) -> tuple[AsyncRun, ...]:
        """Return the runs of the shards, in order, without shards for which no task was bought."""
        return tuple(AsyncRun(self._conn, task) for task in self._tasks if task is not None)

    async def results(
        self,
        *,
        return_exceptions: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109  part of the public signature
        on_progress: OnBagProgress = ignore_bag_progress,
    ) -> AsyncGenerator[RunResult | SealgridError, None]:
        """Yield the result of each shard in the order of the inputs, each as soon as it and those before it are there.

        With ``return_exceptions`` errors of shards are yielded in their places; else the first is raised, and the
        other shards continue. Raises StillRunning after ``timeout`` seconds: ``results`` can be called again.
        """
        outcomes: dict[int, ShardOutcome] = {}
        place = 0
        async for outcome in self.as_completed(timeout=timeout, on_progress=on_progress):
            outcomes[outcome.index] = outcome
            while place in outcomes:
                ended = outcomes.pop(place)
                place += 1
                if ended.error is not None and not return_exceptions:
                    raise ended.error
                value = ended.result or ended.error
                assert value is not None
                yield value

    async def as_completed(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109  part of the public signature
        on_progress: OnBagProgress = ignore_bag_progress,
    ) -> AsyncGenerator[ShardOutcome, None]:
        """Yield the outcome of each shard as soon as it is there; errors of shards are outcomes.

        ``on_progress`` is called at the begin and after each shard. Raises StillRunning after ``timeout`` seconds.
        """
        begun, ended, failed = time.monotonic(), 0, 0
        limit = asyncio.Semaphore(OPENING)
        queue: asyncio.Queue[ShardOutcome | BaseException] = asyncio.Queue()
        shards = {task.task: index for index, task in enumerate(self._tasks) if task is not None}
        unsold = [index for index, task in enumerate(self._tasks) if task is None]

        async def open_one(index: int) -> None:
            async with limit:
                await queue.put(await self._outcome(index))

        async def watch() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    for index in unsold:
                        group.create_task(open_one(index))
                    async for task in ended_tasks(self._conn, tuple(shards)):
                        group.create_task(open_one(shards[task]))
            except BaseException as error:
                await queue.put(error)
                raise

        watching = asyncio.create_task(watch())
        try:
            on_progress(self._progress(0, 0, 0.0))
            while ended < len(self._tasks):
                left = None if timeout is None else max(0.0, begun + timeout - time.monotonic())
                try:
                    async with asyncio.timeout(left):
                        outcome = await queue.get()
                except TimeoutError as error:
                    raise StillRunning(
                        f"{len(self._tasks) - ended} of {len(self._tasks)} shards have not ended within {timeout:g} "
                        f"seconds; they continue, open their results later: sealgrid bag results {self.id}."
                    ) from error
                if isinstance(outcome, BaseException):
                    raise outcome.exceptions[0] if isinstance(outcome, BaseExceptionGroup) else outcome
                ended += 1
                failed += outcome.error is not None
                on_progress(self._progress(ended, failed, time.monotonic() - begun))
                yield outcome
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await watching

    async def spent(self) -> Amount:
        """Return what all tasks of the bag cost, also those that were bought again, without refunded ones."""
        return Amount(await buy_bag.spent_on(self._conn, self._record.purchases))

    async def retry(
        self, *, max_price: Price | None = None, only_unsold: bool = False, on_progress: Progress = ignore_progress
    ) -> int:
        """Buy the shards again that failed or that nobody sold, and only these; return how many.

        A shard failed if its app failed, if its price was refunded, or if the pool gave it up; the price of the last
        comes back, and until then both tasks are open. With ``only_unsold`` no shard is bought again for which a task
        was bought, and none is awaited. ``max_price`` bounds the price of all of them together.
        Raises InputRefused for a bag that was opened by its id: call ``Client.map`` with the same inputs and key first.
        """
        if self._content is None:
            raise InputRefused(
                "the inputs of this bag are not here: repeat the purchase with the same inputs and key, then retry.",
                money="",
            )
        failed = [index for index, task in enumerate(self._tasks) if task is None]
        if not only_unsold:
            failed = [each.index async for each in self.as_completed() if each.error is not None]
        if not failed:
            return 0
        inputs = [self._content.inputs[index] for index in failed]
        limit = None if max_price is None else int(amount(max_price))
        request = replace(self._content.request, max_price=limit)
        buyer = BagBuyer(self._conn, self._stores)
        self._record, self._tasks = await buyer.buy(self._record, request, failed, inputs, on_progress)
        return len(failed)

    async def _outcome(self, index: int) -> ShardOutcome:
        task, name = self._tasks[index], self.names[index]
        if task is None:
            unsold = OrderRefused("no task was bought for this shard: its offers were taken by others; retry.")
            attach(unsold, UNMATCHED)
            return ShardOutcome(index, name, None, None, unsold)
        try:
            return ShardOutcome(index, name, task.task, await AsyncRun(self._conn, task).result(), None)
        except SealgridError as error:
            return ShardOutcome(index, name, task.task, None, error)

    def _progress(self, ended: int, failed: int, seconds: float) -> BagProgress:
        total = len(self._tasks)
        return BagProgress(total, ended, failed, seconds_left(total, ended, seconds, self._expected))

"""Access of a pool's services to its tasks: operations in shared transactions, and notifications of changes."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

from sealgrid.chain.blocks import BlockTrail
from sealgrid.errors import DatabaseUnavailable
from sealgrid.pool.effects import Effect
from sealgrid.pool.events import AnyEvent, DealMatched
from sealgrid.pool.operations import Result, apply_events, expire, not_found, open_tails, require_task_id
from sealgrid.pool.pool_store import Backlog, Changes, PoolStore, TaskRows
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.task import PoolTask
from sealgrid.pool.task_queue import fill_queue
from sealgrid.units import TaskId
from sealgrid.wire.pool import QueueView

_MAX_BATCH: Final = 256  #: operations in one transaction
_PATIENCE_SECONDS: Final = 20.0  #: how long a commit is tried again while the database does not answer
_RETRY_SECONDS: Final = 0.1
TAIL_SECONDS: Final = 5.0  #: between two looks for the last tasks of deals
_READERS: Final = 4  #: threads that read beside the one that writes

T = TypeVar("T")
Operation = Callable[[TaskRows], Any]


class _Submission:
    """An event or an operation, and the caller that waits for it."""

    def __init__(self, work: AnyEvent | Operation) -> None:
        self.work = work
        self.result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def resolve(self, value: object) -> None:
        if self.result.done():  # the caller was cancelled
            return
        if isinstance(value, Exception):
            self.result.set_exception(value)
        else:
            self.result.set_result(value)


class TaskBook:
    """All access of one process to a store of tasks; used from one event loop.

    One thread writes. Operations that arrive during a commit share the next transaction.
    """

    def __init__(self, store: PoolStore, rules: PoolRules) -> None:
        self._store, self.rules = store, rules
        self._queue = deque[_Submission]()
        self._writing: asyncio.Task[None] | None = None
        self._writer = ThreadPoolExecutor(1, "pool-writer")
        self._readers = ThreadPoolExecutor(_READERS, "pool-reader")
        self._task_waiters = defaultdict[TaskId, set[asyncio.Future[None]]](set)
        self._work_due = asyncio.Event()
        self.epoch: int | None = None  #: of this process as the leader
        self._backlog: Backlog | None = None
        self._tails_at = 0.0
        self._on_assignable: list[Callable[[], None]] = []

    async def apply(self, event: AnyEvent) -> tuple[Effect, ...]:
        """Apply one event durably; raise the error by which its task refuses it."""
        effects: tuple[Effect, ...] = await self._submit(event)
        return effects

    async def apply_chain_events(self, events: Sequence[AnyEvent], trail: BlockTrail) -> None:
        """Apply events of the chain, and store them together with the blocks that were read."""
        at = max((event.at for event in events), default=0.0)

        def operation(rows: TaskRows) -> None:
            apply_events(rows, events, self.rules)
            self.fill_queue(rows, at)
            rows.save_trail(trail)

        await self.lead(operation)

    async def expire(self, now: float, chain_now: int) -> None:
        """Apply all leases and deadlines that have passed; fill the queue."""
        while await self.lead(lambda rows: expire(rows, now, chain_now, self.rules)):
            pass
        await self.lead(lambda rows: self.fill_queue(rows, now))
        if now >= self._tails_at:
            self._tails_at = now + TAIL_SECONDS
            await self.lead(lambda rows: open_tails(rows, now, self.rules))

    def fill_queue(self, rows: TaskRows, at: float) -> None:
        """Move tasks from backlogs into the queue; where one call ends, the next one begins."""
        self._backlog = fill_queue(rows, at, self.rules, self._backlog)

    async def begin_epoch(self) -> int:
        """Make this process the leader, which alone follows the chain and sends transactions; return its number."""
        self.epoch = await self.run(lambda rows: rows.begin_epoch())
        return self.epoch

    async def lead(self, operation: Callable[[TaskRows], T]) -> T:
        """Run an operation of the leader; raise LeadershipEnded if another process is the leader now."""
        epoch = -1 if self.epoch is None else self.epoch

        def fenced(rows: TaskRows) -> T:
            rows.require_epoch(epoch)
            return operation(rows)

        return await self.run(fenced)

    async def run(self, operation: Callable[[TaskRows], T]) -> T:
        """Run an operation durably in a transaction, which others may share."""
        result: T = await self._submit(operation)
        return result

    async def read_trail(self) -> BlockTrail | None:
        """Return which blocks were read, or None on the first start."""
        return await self._read(self._store.trail)

    async def count_tasks(self, since: float) -> QueueView:
        """Return how many tasks wait, are with a worker, and ended since a time, Unix seconds."""
        return await self._read(lambda: self._store.count_tasks(since))

    async def task(self, task: TaskId) -> PoolTask:
        """Return a task; raise NotFound."""
        known = require_task_id(task)
        found = await self._read(lambda: self._store.task(known))
        if found is None:
            raise not_found(task)
        return found

    async def deal_of(self, task: TaskId) -> DealMatched:
        """Return the deal of a task; raise NotFound."""
        deal = (await self.task(task)).deal
        found = await self._read(lambda: self._store.deal(deal))
        if found is None:
            raise not_found(task)
        return found

    def on_assignable(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` whenever a worker that waits may get a task."""
        self._on_assignable.append(callback)

    @contextmanager
    def changes_of(self, task: TaskId) -> Iterator[asyncio.Future[None]]:
        """Return a future that the next change of a task's stages or contributions resolves."""
        change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task_waiters[task].add(change)
        try:
            yield change
        finally:
            self._task_waiters[task].discard(change)
            if not self._task_waiters[task]:
                del self._task_waiters[task]

    async def wait_for_work(self, seconds: float) -> None:
        """Return when a chain call or a question to the vaults may be due, or after ``seconds`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._work_due.wait()

    def notify(self, changes: Changes) -> None:
        """Wake the waiters for these changes, which this or another replica made."""
        for task in changes.tasks & self._task_waiters.keys():
            for waiter in self._task_waiters[task]:
                if not waiter.done():
                    waiter.set_result(None)
        if changes.assignable:
            for callback in self._on_assignable:
                callback()
        if changes.work:
            self._work_due.set()
            self._work_due = asyncio.Event()

    def wake_waiters(self) -> None:
        """Resolve all futures of ``changes_of``: their waiters read again."""
        for waiter in [each for waiters in self._task_waiters.values() for each in waiters]:
            if not waiter.done():
                waiter.set_result(None)

    def close(self) -> None:
        """End the threads after their running operations."""
        self._writer.shutdown()
        self._readers.shutdown()

    async def _read(self, query: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, query)

    async def _submit(self, work: AnyEvent | Operation) -> Any:
        submission = _Submission(work)
        self._queue.append(submission)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_queue())
        return await submission.result

    async def _write_queue(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), _MAX_BATCH))]
            error = await self._write(batch)
            if error is None:
                continue
            if len(batch) == 1 or isinstance(error, DatabaseUnavailable):
                _fail(batch, error)
                continue
            for submission in batch:  # one of them is at fault: the others are written without it
                if (own_error := await self._write([submission])) is not None:
                    _fail([submission], own_error)

    async def _write(self, batch: Sequence[_Submission]) -> Exception | None:
        work = [submission.work for submission in batch]
        try:
            results, changes = await asyncio.get_running_loop().run_in_executor(self._writer, self._commit, work)
        except Exception as error:  # noqa: BLE001  nothing was committed
            return error
        for submission, result in zip(batch, results, strict=True):
            submission.resolve(result)
        self.notify(changes)
        return None

    def _commit(self, work: Sequence[AnyEvent | Operation]) -> tuple[list[Any], Changes]:
        ends = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return self._commit_once(work)
            except DatabaseUnavailable:
                # A database fails over in less. What was committed without an answer is applied again, to no effect.
                if not self._store.is_shared or time.monotonic() > ends:
                    raise
                time.sleep(_RETRY_SECONDS)

    def _commit_once(self, work: Sequence[AnyEvent | Operation]) -> tuple[list[Any], Changes]:
        results: list[Any] = []
        with self._store.transaction() as rows:
            events: list[AnyEvent] = []
            for each in work:
                if callable(each):
                    results += self._flush(rows, events)
                    results.append(each(rows))
                else:
                    events.append(each)
            results += self._flush(rows, events)
        return results, rows.changes

    def _flush(self, rows: TaskRows, events: list[AnyEvent]) -> Iterable[Result]:
        results = apply_events(rows, events, self.rules) if events else []
        events.clear()
        return results


def _fail(batch: Sequence[_Submission], error: Exception) -> None:
    for submission in batch:
        submission.resolve(error)

"""A store of tasks in memory: what the databases are compared with, and the book of the simulation."""

import bisect
import heapq
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from sealgrid.chain.blocks import BlockTrail
from sealgrid.errors import LeadershipEnded
from sealgrid.pool.events import DealMatched
from sealgrid.pool.pool_store import Changes, QueuedTask, TaskChange, changes_of
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.step import chain_call, is_assignable, lease_until, next_deadline, renew_lease
from sealgrid.pool.task import ENDED, WORKING, PoolTask
from sealgrid.pool.transactions import PoolTransaction
from sealgrid.units import Address, DealId, TaskId


class MemoryPoolStore:
    """Dictionaries and sorted lists. A failed transaction keeps what it saved: it is not for services."""

    def __init__(self, rules: PoolRules) -> None:
        self.rules = rules
        self.open: dict[TaskId, PoolTask] = {}
        self.history: dict[TaskId, PoolTask] = {}
        self.known: dict[DealId, DealMatched] = {}
        self.blocks: BlockTrail | None = None
        self.places: dict[TaskId, int] = {}
        self.at_place: dict[int, TaskId] = {}
        self.ready: list[int] = []
        self.working: dict[Address, dict[TaskId, None]] = {}
        self.deadlines: list[tuple[int, int]] = []
        self.called: dict[TaskId, None] = {}
        self.epoch = 0
        self.sent: dict[int, PoolTransaction] = {}

    @contextmanager
    def transaction(self) -> "Iterator[MemoryTaskRows]":
        yield MemoryTaskRows(self)

    def task(self, task: TaskId) -> PoolTask | None:
        return self.open.get(task) or self.history.get(task)

    def deal(self, deal: DealId) -> DealMatched | None:
        return self.known.get(deal)

    def trail(self) -> BlockTrail | None:
        return self.blocks

    def is_unreachable(self, error: Exception) -> bool:
        return False

    def close(self) -> None:
        return


class MemoryTaskRows:
    """See ``TaskRows``."""

    def __init__(self, store: MemoryPoolStore) -> None:
        self._store = store
        self.changes = Changes()

    def tasks(self, tasks: Collection[TaskId]) -> dict[TaskId, PoolTask]:
        found = {task: self._store.task(task) for task in tasks}
        return {task: each for task, each in found.items() if each is not None}

    def deals(self, deals: Collection[DealId]) -> dict[DealId, DealMatched]:
        return {deal: self._store.known[deal] for deal in deals if deal in self._store.known}

    def add_deal(self, deal: DealMatched) -> None:
        self._store.known[deal.deal] = deal

    def save(self, changes: Sequence[TaskChange]) -> None:
        saved = [each for each in changes if each.before is not each.after]
        self.changes |= changes_of(saved)
        for each in saved:
            self._save(each)

    def _save(self, change: TaskChange) -> None:
        store, before, task = self._store, change.before, change.after
        place = store.places.get(task.task)
        if place is None:
            place = store.places[task.task] = len(store.places) + 1
            store.at_place[place] = task.task
        if before is not None and is_assignable(before):
            store.ready.pop(bisect.bisect_left(store.ready, place))
        if before is not None and before.stage in WORKING and before.worker is not None:
            store.working[before.worker].pop(task.task, None)
        store.called.pop(task.task, None)
        if task.stage in ENDED:
            store.open.pop(task.task, None)
            store.history[task.task] = task
            return
        store.open[task.task] = task
        if is_assignable(task):
            bisect.insort(store.ready, place)
        if task.stage in WORKING and task.worker is not None:
            store.working.setdefault(task.worker, {})[task.task] = None
        if chain_call(task):
            store.called[task.task] = None
        deadline = next_deadline(task, change.deal)
        if deadline is not None and (before is None or next_deadline(before, change.deal) != deadline):
            heapq.heappush(store.deadlines, (deadline, place))

    def assignable(self, after: int, limit: int, *, closing_after: int) -> list[QueuedTask]:
        found: list[QueuedTask] = []
        for index in range(bisect.bisect_right(self._store.ready, after), len(self._store.ready)):
            place = self._store.ready[index]
            task = self._store.open[self._store.at_place[place]]
            deal = self._store.known[task.deal]
            if deal.contribution_deadline > closing_after:
                found.append(QueuedTask(place, task, deal))
            if len(found) == limit:
                break
        return found

    def of_workers(self, workers: Collection[Address]) -> list[PoolTask]:
        return [self._store.open[task] for worker in sorted(workers) for task in self._store.working.get(worker, ())]

    def expired(self, now: float, limit: int) -> list[TaskId]:
        ends = [
            (end, self._store.places[task])
            for tasks in self._store.working.values()
            for task in tasks
            if (end := lease_until(self._store.open[task], self._store.rules)) is not None and end <= now
        ]
        return [self._store.at_place[place] for _, place in sorted(ends)[:limit]]

    def overdue(self, chain_now: int, limit: int) -> list[TaskId]:
        due: list[tuple[int, int]] = []
        while self._store.deadlines and self._store.deadlines[0][0] <= chain_now and len(due) < limit:
            deadline, place = heapq.heappop(self._store.deadlines)
            task = self._store.open.get(self._store.at_place[place])
            if task is not None and next_deadline(task, self._store.known[task.deal]) == deadline:
                due.append((deadline, place))
        for each in due:
            heapq.heappush(self._store.deadlines, each)
        return [self._store.at_place[place] for _, place in due]

    def calls(self, now: float, limit: int) -> list[TaskId]:
        due = [(self._store.open[task].call_after, self._store.places[task]) for task in self._store.called]
        return [self._store.at_place[place] for after, place in heapq.nsmallest(limit, due) if after <= now]

    def refusals(self, limit: int) -> list[TaskId]:
        found = sorted(self._store.places[task] for task, each in self._store.open.items() if each.claimed_check)
        return [self._store.at_place[place] for place in found[:limit]]

    def renew_leases(self, at: float) -> None:
        for tasks in self._store.working.values():
            for task in tasks:
                self._store.open[task] = renew_lease(self._store.open[task], at)

    def forget(self, ended_before: float) -> None:
        for task in [task for task, each in self._store.history.items() if each.history[-1].at < ended_before]:
            del self._store.history[task]
        left = {each.deal for tasks in (self._store.open, self._store.history) for each in tasks.values()}
        for deal in [deal for deal in self._store.known.values() if deal.final_deadline < ended_before]:
            if deal.deal not in left:
                del self._store.known[deal.deal]

    def transactions(self) -> list[PoolTransaction]:
        return [self._store.sent[nonce] for nonce in sorted(self._store.sent)]

    def save_transaction(self, transaction: PoolTransaction) -> None:
        self._store.sent[transaction.nonce] = transaction

    def remove_transaction(self, nonce: int) -> None:
        self._store.sent.pop(nonce, None)

    def save_trail(self, trail: BlockTrail) -> None:
        self._store.blocks = trail

    def begin_epoch(self) -> int:
        self._store.epoch += 1
        return self._store.epoch

    def require_epoch(self, epoch: int) -> None:
        if self._store.epoch != epoch:
            raise LeadershipEnded("another one leads.")

"""A store of tasks in memory: what the databases are compared with, and the book of the simulation."""

import bisect
import heapq
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from sealgrid.chain.blocks import BlockTrail
from sealgrid.errors import LeadershipEnded
from sealgrid.poco.ids import task_id
from sealgrid.pool.effects import ChainCallKind
from sealgrid.pool.events import DealMatched
from sealgrid.pool.matching import AppFailures, KnownWorker, fits, price_per_second, start_by
from sealgrid.pool.next_actions import chain_call, is_assignable, is_in_backlog, is_spare, lease_until, next_deadline
from sealgrid.pool.pool_store import Backlog, Changes, QueueQuery, StoredTask, TaskChange, changes_of
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.step import renew_lease
from sealgrid.pool.task import ENDED, OPEN, WORKING, PoolTask, workers_of
from sealgrid.pool.transactions import PoolTransaction
from sealgrid.units import Address, DealId, TaskId
from sealgrid.wire.pool import QueueView

T = TypeVar("T")


def ready_key(task: PoolTask, deal: DealMatched, place: int) -> tuple[float, float, int]:
    return -price_per_second(deal), task.virtual_start, place


def remove(keys: list[T], key: T) -> None:
    found = keys.pop(bisect.bisect_left(keys, key))  # type: ignore[type-var]
    assert found == key


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
        self.ready: list[tuple[float, float, int]] = []  # price, negative; virtual start; place
        self.urgent: list[tuple[int, int]] = []  # start_by, place
        self.backlogs: dict[Backlog, list[tuple[int, int]]] = {}  # start_by, place
        self.queued_of: dict[tuple[str, Address], dict[TaskId, None]] = {}  # of requesters, and of apps
        self.known_workers: dict[Address, KnownWorker] = {}
        self.agreements: dict[tuple[Address, Address], int] = {}
        self.lost: dict[tuple[Address, Address], AppFailures] = {}
        self.working: dict[Address, dict[TaskId, None]] = {}
        self.deadlines: list[tuple[int, int]] = []
        self.called: dict[TaskId, None] = {}
        self.contributing: dict[TaskId, None] = {}
        self.spare_tasks: dict[TaskId, None] = {}
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

    def count_tasks(self, since: float) -> QueueView:
        ended = [task.stage for task in self.history.values() if task.history[-1].at >= since]
        return QueueView(
            waiting=sum(
                is_in_backlog(task) or (is_assignable(task) and not workers_of(task)) for task in self.open.values()
            ),
            working=sum(task.stage in WORKING for task in self.open.values()),
            completed=ended.count("completed"),
            refunded=ended.count("refunded"),
        )

    @property
    def is_shared(self) -> bool:
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
        deal = change.deal
        backlog = store.backlogs.setdefault(Backlog(deal.requester, deal.app), [])
        if before is not None and is_assignable(before):
            remove(store.ready, ready_key(before, deal, place))
            remove(store.urgent, (start_by(deal), place))
        if before is not None and is_in_backlog(before):
            remove(backlog, (start_by(deal), place))
        for party in (("requester", deal.requester), ("app", deal.app)):
            store.queued_of.setdefault(party, {}).pop(task.task, None)
        for worker in workers_of(before) if before is not None else ():
            store.working[worker].pop(task.task, None)
        store.called.pop(task.task, None)
        store.contributing.pop(task.task, None)
        store.spare_tasks.pop(task.task, None)
        if is_spare(task):
            store.spare_tasks[task.task] = None
        if task.stage == "contributing":
            store.contributing[task.task] = None
        if task.stage in ENDED:
            store.open.pop(task.task, None)
            store.history[task.task] = task
            return
        store.open[task.task] = task
        if is_assignable(task):
            bisect.insort(store.ready, ready_key(task, deal, place))
            bisect.insort(store.urgent, (start_by(deal), place))
        if is_in_backlog(task):
            bisect.insort(backlog, (start_by(deal), place))
        if task.queued and task.stage in OPEN:
            for party in (("requester", deal.requester), ("app", deal.app)):
                store.queued_of[party][task.task] = None
        for worker in workers_of(task):
            store.working.setdefault(worker, {})[task.task] = None
        if chain_call(task):
            store.called[task.task] = None
        deadline = next_deadline(task, change.deal)
        if deadline is not None and (before is None or next_deadline(before, change.deal) != deadline):
            heapq.heappush(store.deadlines, (deadline, place))

    def assignable(self, query: QueueQuery) -> list[StoredTask]:
        store, after = self._store, query.after
        if query.start_by is None:
            keys: list[tuple[float, ...]] = list(store.ready)
            behind = ready_key(after.task, after.deal, after.place) if after else None
        else:
            keys = [key for key in store.urgent if key[0] <= query.start_by]
            behind = (start_by(after.deal), after.place) if after else None
        found: list[StoredTask] = []
        for key in keys[bisect.bisect_right(keys, behind) if behind else 0 :]:
            stored = self._stored(int(key[-1]))
            fitting = any(fits(each, stored.deal) for each in query.capabilities)
            if fitting and stored.deal.contribution_deadline > query.closing_after:
                found.append(stored)
            if len(found) == query.limit:
                break
        return found

    def spare(self, query: QueueQuery) -> list[StoredTask]:
        found = [self._stored(self._store.places[task]) for task in self._store.spare_tasks]
        fitting = [
            each
            for each in sorted(found, key=lambda each: each.place)
            if any(fits(one, each.deal) for one in query.capabilities)
            and each.deal.contribution_deadline > query.closing_after
        ]
        return fitting[: query.limit]

    def slow_tasks(self, since: float) -> list[tuple[TaskId, DealId]]:
        held = {task for tasks in self._store.working.values() for task in tasks}
        slow = [task for each in held if (task := self._store.open[each]).stage_since <= since and not is_spare(task)]
        return [(task.task, task.deal) for task in slow]

    def has_open_tasks(self, deal: DealId, more_than: int) -> bool:
        known = self._store.known[deal]
        tasks = [task_id(deal, index) for index in range(known.first, known.first + known.size)]
        return sum(task in self._store.open for task in tasks) > more_than

    def next_backlog(self, after: Backlog | None) -> Backlog | None:
        return min(
            (each for each, held in self._store.backlogs.items() if held and (after is None or each > after)),
            default=None,
        )

    def backlog_tasks(self, backlog: Backlog, limit: int) -> list[StoredTask]:
        return [self._stored(place) for _, place in self._store.backlogs[backlog][:limit]]

    def open_of_requester(self, requester: Address) -> int:
        return len(self._store.queued_of.get(("requester", requester), {}))

    def open_of_app(self, app: Address) -> int:
        return len(self._store.queued_of.get(("app", app), {}))

    def next_virtual_start(self, requester: Address, price: float, seconds: int) -> float:
        at_price = [
            (party[1], self._store.open[task])
            for party, tasks in self._store.queued_of.items()
            if party[0] == "requester"
            for task in tasks
            if price_per_second(self._store.known[self._store.open[task].deal]) == price
        ]
        own = [task.virtual_start + seconds for owner, task in at_price if owner == requester]
        first = [task.virtual_start for _, task in at_price if is_assignable(task)]
        least = min(first) if first else max((task.virtual_start for _, task in at_price), default=0.0)
        return max([least, *own])

    def workers(self, workers: Collection[Address]) -> dict[Address, KnownWorker]:
        return {each: self._store.known_workers[each] for each in workers if each in self._store.known_workers}

    def save_workers(self, workers: Sequence[KnownWorker]) -> None:
        self._store.known_workers.update((each.worker, each) for each in workers)

    def active_workers(self, since: float, limit: int) -> list[KnownWorker]:
        active = [each for each in self._store.known_workers.values() if each.requested_at > since]
        return sorted(active, key=lambda each: (-each.requested_at, each.worker))[:limit]

    def failures(self, workers: Collection[Address]) -> dict[tuple[Address, Address], AppFailures]:
        return {pair: each for pair, each in self._store.lost.items() if each.worker in workers}

    def add_failure(self, worker: Address, app: Address, at: float) -> None:
        count = self._store.lost[worker, app].count if (worker, app) in self._store.lost else 0
        self._store.lost[worker, app] = AppFailures(worker, app, count + 1, at)

    def agreements(self, worker: Address, app: Address) -> int:
        return self._store.agreements.get((worker, app), 0)

    def add_agreement(self, worker: Address, app: Address, at: float) -> None:
        self._store.agreements[worker, app] = self.agreements(worker, app) + 1

    def remove_agreements(self, worker: Address, app: Address) -> None:
        self._store.agreements.pop((worker, app), None)

    def remove_failures(self, pairs: Collection[tuple[Address, Address]]) -> None:
        for pair in pairs:
            self._store.lost.pop(pair, None)

    def _stored(self, place: int) -> StoredTask:
        task = self._store.open[self._store.at_place[place]]
        return StoredTask(place, task, self._store.known[task.deal])

    def of_workers(self, workers: Collection[Address]) -> list[PoolTask]:
        tasks = dict.fromkeys(task for worker in sorted(workers) for task in self._store.working.get(worker, ()))
        return [self._store.open[task] for task in tasks]

    def expired(self, now: float, limit: int) -> list[TaskId]:
        ends = {
            (end, self._store.places[task])
            for tasks in (*self._store.working.values(), self._store.contributing)
            for task in tasks
            if (end := lease_until(self._store.open[task], self._store.rules)) is not None and end <= now
        }
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

    def calls(self, kind: ChainCallKind, now: float, limit: int) -> list[TaskId]:
        tasks = [task for task in self._store.called if self._kind(task) == kind]
        due = [(self._store.open[task].call_after, self._store.places[task]) for task in tasks]
        return [self._store.at_place[place] for after, place in heapq.nsmallest(limit, due) if after <= now]

    def _kind(self, task: TaskId) -> ChainCallKind | None:
        call = chain_call(self._store.open[task])
        return call.kind if call else None

    def refusals(self, limit: int) -> list[TaskId]:
        found = sorted(self._store.places[task] for task, each in self._store.open.items() if each.claimed_check)
        return [self._store.at_place[place] for place in found[:limit]]

    def renew_leases(self, at: float) -> None:
        held = {task for tasks in (*self._store.working.values(), self._store.contributing) for task in tasks}
        for task in held:
            if lease_until(self._store.open[task], self._store.rules) is not None:
                self._store.open[task] = renew_lease(self._store.open[task], at)

    def forget(self, ended_before: float) -> None:
        for task in [task for task, each in self._store.history.items() if each.history[-1].at < ended_before]:
            del self._store.history[task]
        seen = {name: each for name, each in self._store.known_workers.items() if each.requested_at >= ended_before}
        self._store.known_workers = seen
        self._store.lost = {pair: each for pair, each in self._store.lost.items() if each.at >= ended_before}
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

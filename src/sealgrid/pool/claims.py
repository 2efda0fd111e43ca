"""One claim: tasks of the queue go to workers that wait, in one transaction (docs/protocol/pool.md, "Matching").

Its cost does not depend on the number of tasks in the store.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from sealgrid.pool import events as e
from sealgrid.pool.matching import (
    ACTIVE_SECONDS,
    LOCAL_WINDOW,
    KnownWorker,
    allowed_tasks,
    cached_files,
    fits,
    pause_ends,
    price_per_second,
    start_by,
)
from sealgrid.pool.next_actions import repeatable_after
from sealgrid.pool.pool_store import QueueQuery, StoredTask, TaskChange, TaskRows
from sealgrid.pool.replication import TRUSTED_AGREEMENTS
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.step import step
from sealgrid.pool.task import PoolTask, workers_of
from sealgrid.units import Address, DealId, TaskId, to_digest
from sealgrid.wire.pool import WorkerCapabilities

_PAGE: Final = 500  #: tasks that one statement reads at most
_LEAST: Final = 8  #: that one statement reads at least
_PAGES: Final = 4  #: that one claim reads at most in each order
_REQUEST_SECONDS: Final = 20.0  #: after which the time of a worker's request is written again
_OTHERS: Final = 64  #: workers that are asked for before a task goes to one that lost it

_ANYTHING: Final = WorkerCapabilities(tag=to_digest(b"\xff" * 32))
WorkerApp = tuple[Address, Address]


class WorkerRequest(msgspec.Struct, frozen=True):
    """A worker that waits for up to ``slots`` tasks."""

    worker: Address
    slots: int = 1
    capabilities: WorkerCapabilities = WorkerCapabilities()


class Assignment(msgspec.Struct, frozen=True):
    """A task of a worker; ``request`` is the index of its request."""

    request: int
    task: PoolTask
    deal: e.DealMatched


class ClaimResult(msgspec.Struct, frozen=True):
    """What a claim assigned, and what else there may be."""

    assignments: tuple[Assignment, ...]
    more: bool  #: whether other workers might get a task now
    again_at: float | None  #: when one of these workers may get a task that it cannot take yet


def claim(
    rows: TaskRows, requests: Sequence[WorkerRequest], at: float, chain_now: int, rules: PoolRules
) -> ClaimResult:
    """Assign tasks to all these workers.

    Urgent tasks go first, then those with the highest price per second, then those of the requester whose turn it is.
    A task goes to the first worker that has its files, or else to the first that may take it. Workers that are still
    idle also get the last tasks of deals that others have.
    """
    claiming = _Claim(rows, requests, at, chain_now, rules)
    claiming.repeat_unanswered()
    claiming.assign_queued()
    claiming.assign_spare()
    return claiming.save()


@dataclass(eq=False)
class _Taker:
    """A request of a worker in one claim."""

    index: int
    request: WorkerRequest
    free: int  #: slots
    room: int = 0  #: free slots, as far as the worker may have more tasks


@dataclass(frozen=True)
class _Takers:
    """Who may take the tasks of one deal, apart from what happened to each task."""

    local: list[_Taker] = field(default_factory=list)  #: those that have its files, most of them first
    all: list[_Taker] = field(default_factory=list)


class _Claim:
    """One claim in progress."""

    def __init__(
        self, rows: TaskRows, requests: Sequence[WorkerRequest], at: float, chain_now: int, rules: PoolRules
    ) -> None:
        self._rows, self._at, self._chain_now, self._rules = rows, at, chain_now, rules
        self._takers = [_Taker(index, each, max(0, each.slots)) for index, each in enumerate(requests)]
        workers = {each.worker for each in requests}
        self._lock_workers(workers)
        self._own = rows.of_workers(workers)  # after the lock: what another replica assigned is in it
        self._counts = Counter(worker for task in self._own for worker in workers_of(task))
        self._failures = rows.failures(workers)
        self._of_apps = self._count_apps()
        self._by_deal: dict[DealId, _Takers] = {}
        self._others: list[KnownWorker] | None = None
        self._changes: dict[TaskId, TaskChange] = {}
        self._assignments: list[Assignment] = []
        self._again: list[float] = []
        self._more = False

    def repeat_unanswered(self) -> None:
        """Assign tasks again whose worker sent nothing about them: the answer to its request was lost."""
        waiting = {each.request.worker: each for each in reversed(self._takers) if each.free}
        repeated: list[TaskId] = []
        for task in self._own:
            for worker in workers_of(task):
                after = repeatable_after(task, worker, self._rules)
                if after is not None and worker in waiting:
                    if after <= self._at:
                        repeated.append(task.task)
                    else:
                        self._again.append(after)
        locked = self._rows.tasks(repeated) if repeated else {}
        deals = self._rows.deals({task.deal for task in locked.values()}) if locked else {}
        for task in sorted(locked.values(), key=lambda task: task.task):  # one order for every store
            deal, held = deals[task.deal], task
            in_time = self._chain_now + self._rules.margin < deal.contribution_deadline
            for worker in workers_of(task) if in_time else ():
                after = repeatable_after(held, worker, self._rules)
                taker = next((each for each in self._takers if each.request.worker == worker and each.free), None)
                if taker is not None and after is not None and after <= self._at:
                    held = self._assign(taker, held, deal)

    def assign_queued(self) -> None:
        """Assign tasks of the queue to workers that have fewer than they may have."""
        self._count_room()
        free = [each for each in self._takers if each.room]
        if not free:
            self._more = bool(self._rows.assignable(self._query([_ANYTHING], 1)))
            return
        capabilities = list({_without_cache(each.request.capabilities): None for each in free})
        urgent = self._chain_now + self._rules.urgent
        for page in self._pages(capabilities, urgent):
            for queued in page:
                self._give(queued, self._takers_of(queued.deal))
        for page in self._pages(capabilities, None):
            near = self._give_to_local(page)
            for queued in page:
                if queued.place not in near:
                    self._give(queued, self._takers_of(queued.deal))

    def assign_spare(self) -> None:
        """Assign the last tasks of deals to idle workers, too, if they lost none of the app lately."""
        free = [each for each in self._takers if each.room]
        if not free:
            return
        capabilities = list({_without_cache(each.request.capabilities): None for each in free})
        for spare in self._rows.spare(self._query(capabilities, sum(each.room for each in free))):
            app = spare.deal.app
            if spare.task.task not in self._changes:
                reliable = [
                    each
                    for each in self._takers_of(spare.deal).all
                    if (each.request.worker, app) not in self._failures
                    and each.request.worker not in {worker for worker, _ in spare.task.losses}
                ]
                self._give_to(spare, reliable)

    def save(self) -> ClaimResult:
        """Save what was assigned."""
        if self._changes:
            self._rows.save(list(self._changes.values()))
        return ClaimResult(tuple(self._assignments), self._more, min(self._again, default=None))

    # Workers

    def _lock_workers(self, workers: set[Address]) -> None:
        known = self._rows.workers(workers)
        asked = {each.request.worker: each.request.capabilities for each in self._takers}
        stale = [
            KnownWorker(worker, self._at, _without_cache(capabilities))
            for worker, capabilities in asked.items()
            if (last := known.get(worker)) is None
            or last.requested_at + _REQUEST_SECONDS <= self._at
            or last.capabilities != _without_cache(capabilities)
        ]
        if stale:
            self._rows.save_workers(stale)

    def _count_apps(self) -> Counter[WorkerApp]:
        """Return how many tasks of each app those workers have that failures limit."""
        limited = {worker for worker, _ in self._failures}
        own = [(worker, task.deal) for task in self._own for worker in workers_of(task) if worker in limited]
        deals = self._rows.deals({deal for _, deal in own}) if own else {}
        return Counter((worker, deals[deal].app) for worker, deal in own)

    def _count_room(self) -> None:
        limit, room = self._rules.tasks_per_worker, dict[Address, int]()
        for each in self._takers:
            worker = each.request.worker
            left = room.setdefault(worker, limit - self._counts[worker] if limit else each.free)
            each.room = max(0, min(each.free, left)) if limit else each.free
            room[worker] = left - each.room

    # Tasks

    def _query(self, capabilities: Sequence[WorkerCapabilities], limit: int) -> QueueQuery:
        closing = self._chain_now + self._rules.margin
        return QueueQuery(capabilities=tuple(capabilities), closing_after=closing, limit=limit)

    def _pages(self, capabilities: Sequence[WorkerCapabilities], urgent: int | None) -> Iterator[list[StoredTask]]:
        """Yield tasks of the queue that may fit, while there are free slots; in each order ``_PAGES`` pages."""
        after: StoredTask | None = None
        window = LOCAL_WINDOW if any(each.request.capabilities.cached for each in self._takers) else 0
        for number in range(_PAGES):
            room = sum(each.room for each in self._takers)
            if not room:
                self._more = True
                return
            limit = _PAGE if number else min(max(room + window, _LEAST), _PAGE)
            query = msgspec.structs.replace(self._query(capabilities, limit), start_by=urgent, after=after)
            page = self._rows.assignable(query)
            yield [queued for queued in page if queued.task.task not in self._changes]
            if len(page) < limit:
                return
            after = page[-1]
        self._more = True

    def _takers_of(self, deal: e.DealMatched) -> _Takers:
        known = self._by_deal.get(deal.deal)
        if known is None:
            known = self._by_deal[deal.deal] = _Takers()
            known.all.extend(each for each in self._takers if fits(each.request.capabilities, deal))
            cached = [(cached_files(each.request.capabilities, deal), each) for each in known.all] if deal.files else []
            known.local.extend(each for count, each in sorted(cached, key=lambda pair: -pair[0]) if count)
        return known

    def _give_to_local(self, page: Sequence[StoredTask]) -> set[int]:
        """Give tasks to workers that have their files; return the places of those that are given.

        A task is overtaken by few others only: their virtual starts are later by ``LOCAL_WINDOW`` tasks at most.
        """
        given: set[int] = set()
        if not page:
            return given
        first = page[0]
        price, window = price_per_second(first.deal), LOCAL_WINDOW * first.deal.seconds
        for queued in page:
            if price_per_second(queued.deal) != price or queued.task.virtual_start > first.task.virtual_start + window:
                break
            if self._give_to(queued, self._takers_of(queued.deal).local):
                given.add(queued.place)
        return given

    def _give(self, queued: StoredTask, takers: _Takers) -> None:
        if not self._give_to(queued, takers.local) and not self._give_to(queued, takers.all):
            self._more = True

    def _give_to(self, queued: StoredTask, takers: Sequence[_Taker]) -> bool:
        taker = next((each for each in takers if each.room and self._may_take(each, queued)), None)
        if taker is None:
            return False
        self._assign(taker, queued.task, queued.deal)
        taker.room -= 1
        self._of_apps[taker.request.worker, queued.deal.app] += 1
        return True

    def _may_take(self, taker: _Taker, queued: StoredTask) -> bool:
        task, deal, worker = queued.task, queued.deal, taker.request.worker
        if worker in task.excluded or worker in workers_of(task):
            return False
        if task.replication is not None and worker in task.replication.workers:
            return False
        failures = self._failures.get((worker, deal.app))
        if failures is not None:
            if self._of_apps[worker, deal.app] >= allowed_tasks(failures, self._rules):
                return False
            if not self._has_come(pause_ends(failures, self._rules)):
                return False
        lost_at = next((at for lost_by, at in task.losses if lost_by == worker), None)
        if lost_at is None:
            return True
        return self._has_come(lost_at + self._rules.retry) and self._has_nobody_else(queued)

    def _has_come(self, time: float) -> bool:
        if time > self._at:
            self._again.append(time)
        return time <= self._at

    def _has_nobody_else(self, queued: StoredTask) -> bool:
        """Return whether no other worker may take a task, or there is no time left to wait for one."""
        if start_by(queued.deal) <= self._chain_now + self._rules.urgent:
            return True
        if self._others is None:
            self._others = self._rows.active_workers(self._at - ACTIVE_SECONDS, _OTHERS)
        left_out = {worker for worker, _ in queued.task.losses} | {*queued.task.excluded, *workers_of(queued.task)}
        if queued.task.replication is not None:  # each worker commits once
            left_out |= queued.task.replication.workers
        if any(each.worker not in left_out and fits(each.capabilities, queued.deal) for each in self._others):
            self._again.append(self._at + self._rules.retry)
            return False
        return True

    def _assign(self, taker: _Taker, task: PoolTask, deal: e.DealMatched) -> PoolTask:
        worker = taker.request.worker
        trusted = task.replication is not None and self._rows.agreements(worker, deal.app) >= TRUSTED_AGREEMENTS
        assigned = e.TaskAssigned(task=task.task, worker=worker, trusted=trusted, at=self._at)
        taken, effects = step(task, deal, assigned, self._rules)
        if effects:
            before = self._changes.pop(task.task).before if task.task in self._changes else task
            self._changes[task.task] = TaskChange(before, taken, deal)
            self._assignments.append(Assignment(taker.index, taken, deal))
            taker.free -= 1
        return taken


def _without_cache(capabilities: WorkerCapabilities) -> WorkerCapabilities:
    return msgspec.structs.replace(capabilities, cached=())

"""Operations on a store of tasks: apply events, claim tasks for workers, expire leases and deadlines.

Each loads the rows that it concerns, applies ``step`` to each, and saves them: its cost does not depend on the number
of tasks in the store.
"""

from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

import msgspec

from sealgrid.errors import NotFound, SealgridError
from sealgrid.pool import events as e
from sealgrid.pool.effects import ChainCall, Effect
from sealgrid.pool.pool_store import TaskChange, TaskRows
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.step import chain_call, may_take_after, new_tasks, repeatable_after, step
from sealgrid.pool.task import PoolTask
from sealgrid.units import Address, TaskId, to_digest

Result = tuple[Effect, ...] | SealgridError

_PAGE: Final = 500  #: tasks that one operation changes at most


def apply_events(rows: TaskRows, events: Sequence[e.AnyEvent], rules: PoolRules) -> list[Result]:
    """Apply events in order; return the effects of each, or the error by which it was refused alone.

    Chain events of tasks that are not this pool's have no effect.
    """
    before = rows.tasks({event.task for event in events if not isinstance(event, e.DealMatched)})
    known = {task.deal for task in before.values()} | {each.deal for each in events if isinstance(each, e.DealMatched)}
    deals = rows.deals(known)
    now = dict(before)
    results: list[Result] = []
    for event in events:
        if isinstance(event, e.DealMatched):
            if event.deal not in deals:
                deals[event.deal] = event
                rows.add_deal(event)
                now.update((task.task, task) for task in new_tasks(event))
            results.append(())
            continue
        task = now.get(event.task)
        if task is None:
            results.append(not_found(event.task) if isinstance(event, e.WorkerEvent) else ())
            continue
        try:
            now[event.task], effects = step(task, deals[task.deal], event, rules)
            results.append(effects)
        except SealgridError as refused:
            results.append(refused)
    rows.save([TaskChange(before.get(key), task, deals[task.deal]) for key, task in now.items()])
    return results


class WorkerRequest(msgspec.Struct, frozen=True):
    """A worker that waits for up to ``slots`` tasks."""

    worker: Address
    slots: int = 1


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
    """Assign tasks to all these workers; the first task of the queue goes to the first worker that may take it."""
    claiming = _Claim(rows, requests, at, rules)
    claiming.repeat_unanswered(chain_now)
    claiming.assign_queued(chain_now)
    return claiming.save()


class _Claim:
    """One claim in progress."""

    def __init__(self, rows: TaskRows, requests: Sequence[WorkerRequest], at: float, rules: PoolRules) -> None:
        self._rows, self._requests, self._at, self._rules = rows, requests, at, rules
        self._own = rows.of_workers({each.worker for each in requests})
        self._counts = Counter(task.worker for task in self._own)
        self._open = deque[int]()  # a request's index for each of its slots that is still free
        self._changes: list[TaskChange] = []
        self._assignments: list[Assignment] = []
        self._again: list[float] = []
        self._more = False
        for index, each in enumerate(requests):
            self._open.extend([index] * max(0, each.slots))

    def repeat_unanswered(self, chain_now: int) -> None:
        """Assign tasks again whose worker sent nothing about them: the answer to its request was lost."""
        waiting = {self._requests[index].worker: index for index in reversed(self._open)}
        repeated: list[TaskId] = []
        for task in self._own:
            after = repeatable_after(task, self._rules)
            if after is not None and task.worker in waiting:
                if after <= self._at:
                    repeated.append(task.task)
                else:
                    self._again.append(after)
        locked = self._rows.tasks(repeated) if repeated else {}
        deals = self._rows.deals({task.deal for task in locked.values()}) if locked else {}
        for task in locked.values():
            deal = deals[task.deal]
            index = next((each for each in self._open if self._requests[each].worker == task.worker), None)
            after = repeatable_after(task, self._rules)
            if index is not None and after is not None and after <= self._at and self._in_time(deal, chain_now):
                self._assign(index, task, deal)

    def assign_queued(self, chain_now: int) -> None:
        """Assign tasks of the queue to workers that have fewer than they may have."""
        limit = self._rules.tasks_per_worker
        free: list[int] = []
        for index in self._open:
            worker = self._requests[index].worker
            if not limit or self._counts[worker] < limit:
                free.append(index)
                self._counts[worker] += 1
        place, closing = 0, chain_now + self._rules.margin
        if not free:
            self._more = bool(self._rows.assignable(place, 1, closing_after=closing))
            return
        while free:
            page = self._rows.assignable(place, min(len(free), _PAGE), closing_after=closing)
            full = len(page) == min(len(free), _PAGE)
            for queued in page:
                place = queued.place
                taker = next((each for each in free if self._may_take(each, queued.task)), None)
                if taker is None:
                    self._more = True
                    continue
                free.remove(taker)
                self._assign(taker, queued.task, queued.deal)
            if not full:
                return
        self._more = True

    def save(self) -> ClaimResult:
        """Save what was assigned."""
        if self._changes:
            self._rows.save(self._changes)
        return ClaimResult(tuple(self._assignments), self._more, min(self._again, default=None))

    def _may_take(self, index: int, task: PoolTask) -> bool:
        after = may_take_after(task, self._requests[index].worker, self._rules)
        if after is not None and after > self._at:
            self._again.append(after)
        return after is not None and after <= self._at

    def _in_time(self, deal: e.DealMatched, chain_now: int) -> bool:
        return chain_now + self._rules.margin < deal.contribution_deadline

    def _assign(self, index: int, task: PoolTask, deal: e.DealMatched) -> None:
        assigned = e.TaskAssigned(task=task.task, worker=self._requests[index].worker, at=self._at)
        taken, effects = step(task, deal, assigned, self._rules)
        if effects:
            self._changes.append(TaskChange(task, taken, deal))
            self._assignments.append(Assignment(index, taken, deal))
            if index in self._open:
                self._open.remove(index)


def expire(rows: TaskRows, now: float, chain_now: int, rules: PoolRules) -> bool:
    """Apply leases and deadlines that have passed, oldest first; return whether there may be more of them."""
    leases, late = rows.expired(now, _PAGE), rows.overdue(chain_now, _PAGE)
    events: list[e.AnyEvent] = [e.LeaseExpired(task=task, at=now) for task in leases]
    events += [e.ChainTimePassed(task=task, at=now, chain_now=chain_now) for task in late]
    if events:
        apply_events(rows, events, rules)
    return max(len(leases), len(late)) == _PAGE


def pending_calls(rows: TaskRows, now: float, limit: int) -> list[ChainCall]:
    """Return chain calls that tasks need now, oldest first."""
    due = rows.calls(now, limit)
    tasks = rows.tasks(due)
    calls = [chain_call(tasks[task]) for task in due]
    return [call for call in calls if call is not None]


def require_task_id(text: TaskId) -> TaskId:
    """Return the identifier of a task; raise NotFound for another text, which a database might not take."""
    try:
        if str(to_digest(text)) == text:
            return text
    except ValueError:
        pass
    raise not_found(text)


def not_found(task: TaskId) -> NotFound:
    """Return the error for a task that this pool does not have."""
    return NotFound(f"this pool has no task {task}; a new deal appears within a second of its block.")

"""Operations on a store of tasks: apply events, expire leases and deadlines, list chain calls.

Each loads the rows that it concerns, applies ``step`` to each, and saves them: its cost does not depend on the number
of tasks in the store.
"""

from collections.abc import Sequence
from typing import Final

from sealgrid.errors import NotFound, SealgridError
from sealgrid.pool import events as e
from sealgrid.pool.effects import ChainCall, ChainCallKind, Effect
from sealgrid.pool.matching import losses, success
from sealgrid.pool.next_actions import chain_call
from sealgrid.pool.pool_store import TaskChange, TaskRows
from sealgrid.pool.replication import Replication, broken_promises, compared_workers
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.step import new_tasks, step
from sealgrid.pool.task import PoolTask
from sealgrid.units import Address, TaskId, to_digest

Result = tuple[Effect, ...] | SealgridError

TAIL: Final = 10  #: idle workers may compute the last task of so many, too
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
    failures = _FailureCount(rows)
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
            failures.count(task, now[event.task], deals[task.deal], event.at)
        except SealgridError as refused:
            results.append(refused)
    failures.save()
    rows.save([TaskChange(before.get(key), task, deals[task.deal]) for key, task in now.items()])
    return results


class _FailureCount:
    """Counts what workers lose and complete, and on which results they agree; successes are written together."""

    def __init__(self, rows: TaskRows) -> None:
        self._rows = rows
        self._succeeded: set[tuple[Address, Address]] = set()

    def count(self, before: PoolTask, after: PoolTask, deal: e.DealMatched, at: float) -> None:
        if before.replication is not None and after.replication is not None:
            self._count_replication(before, after, after.replication, deal, at)
        if (worker := success(before, after)) is not None:
            self._succeeded.add((worker, deal.app))
        elif lost := losses(before, after):
            self.save()  # what was completed before does not excuse it
            for each in sorted(lost):
                self._rows.add_failure(each, deal.app, at)

    def _count_replication(
        self, before: PoolTask, after: PoolTask, replication: Replication, deal: e.DealMatched, at: float
    ) -> None:
        if after.stage == "completed" != before.stage:
            agreed, others = compared_workers(replication)
            self._succeeded |= {(each, deal.app) for each in agreed}
            for each in sorted(agreed):
                self._rows.add_agreement(each, deal.app, at)
            for each in sorted(others):
                self._rows.remove_agreements(each, deal.app)
        for each in sorted(broken_promises(before.replication or replication, replication)):
            self.save()
            self._rows.add_failure(each, deal.app, at)
            self._rows.remove_agreements(each, deal.app)

    def save(self) -> None:
        if self._succeeded:
            self._rows.remove_failures(self._succeeded)
        self._succeeded = set()


def expire(rows: TaskRows, now: float, chain_now: int, rules: PoolRules) -> bool:
    """Apply leases and deadlines that have passed, oldest first; return whether there may be more of them."""
    leases, late = rows.expired(now, _PAGE), rows.overdue(chain_now, _PAGE)
    events: list[e.AnyEvent] = [e.LeaseExpired(task=task, at=now) for task in leases]
    events += [e.ChainTimePassed(task=task, at=now, chain_now=chain_now) for task in late]
    if events:
        apply_events(rows, events, rules)
    return max(len(leases), len(late)) == _PAGE


def open_tails(rows: TaskRows, now: float, rules: PoolRules) -> None:
    """Let idle workers compute the last tenth of deals, too, as far as these tasks run for a lease already.

    SpeQuLoS (Delamare, Fedak, Kondo and Lodygensky 2012): the last tasks decide when a bag ends.
    """
    if not rules.tail_copies:
        return
    slow = rows.slow_tasks(now - rules.lease)
    sizes = {deal.deal: deal.size for deal in rows.deals({deal for _, deal in slow}).values()}
    tails = {deal for deal, size in sizes.items() if size >= TAIL and not rows.has_open_tasks(deal, size // TAIL)}
    late = sorted(task for task, deal in slow if deal in tails)
    for first in range(0, len(late), _PAGE):
        apply_events(rows, [e.TailReached(task=task, at=now) for task in late[first : first + _PAGE]], rules)


def pending_calls(rows: TaskRows, kind: ChainCallKind, now: float, limit: int) -> list[ChainCall]:
    """Return chain calls of one kind that tasks need now, oldest first."""
    due = rows.calls(kind, now, limit)
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

"""The next need of a task by its state: a worker, a report before its lease ends, a chain call before its deadline.

Stores index these values: a pool finds the tasks that need something without reading the others.
"""

from typing import Final

from sealgrid.pool import events as e
from sealgrid.pool.effects import ChainCall
from sealgrid.pool.replication import call_due
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.task import ENDED, MAX_ATTEMPTS, OPEN, WORKING, PoolTask, TaskCopy, copy_of, workers_of
from sealgrid.units import Address
from sealgrid.wire.pool import Stage

RUNNING: Final = ("released", "running")  #: stages in which a worker computes with its keys


def is_assignable(task: PoolTask) -> bool:
    """Return whether a task waits for a worker, any or a certain one, or for another one beside those that have it."""
    if task.stage == "waiting":
        return task.queued and not task.claimed_check
    has = len(workers_of(task))
    return 0 < has < task.wanted and task.attempt < MAX_ATTEMPTS


def is_spare(task: PoolTask) -> bool:
    """Return whether an idle worker may compute a task, too, beside as many as it needs.

    In an enclave only after the first one has its keys: the vaults give none to an enclave that another has followed.
    One attempt is left for both to fail.
    """
    enough = len(workers_of(task)) == task.wanted
    return task.tail and task.stage in RUNNING and enough and task.attempt < MAX_ATTEMPTS - 1


def is_in_backlog(task: PoolTask) -> bool:
    """Return whether a task waits in the backlog of its requester."""
    return task.stage == "waiting" and task.initialized and not task.queued


def repeatable_after(task: PoolTask, worker: Address, rules: PoolRules) -> float | None:
    """Return from which time a worker of a task gets it again, since it sent nothing about it; None for never."""
    copy = copy_of(task, worker)
    stage, last = (task.stage, task.last_report) if copy is None else (copy.stage, copy.last_report)
    return last + rules.retry if stage == "assigned" else None


def lease_until(task: PoolTask, rules: PoolRules) -> float | None:
    """Return when the first worker of a task loses it without another report.

    None for a task without a worker, and while the pool sends its result: the contribution deadline ends that.
    """
    ends = [copy_lease_until(copy, rules) for copy in task.copies]
    first = _worker_until(task, rules)
    return min(ends if first is None else [first, *ends], default=None)


def copy_lease_until(copy: TaskCopy, rules: PoolRules) -> float:
    """Return when a further worker of a task loses it without another report."""
    return _lease_end(copy.stage, copy.last_report, copy.stage_since, rules)


def _lease_end(stage: Stage, last_report: float, stage_since: float, rules: PoolRules) -> float:
    # Only *running* may last until the contribution deadline; every other stage has a limit in spite of reports.
    end = last_report + rules.lease
    return end if stage == "running" else min(end, stage_since + rules.stage_leases * rules.lease)


def _worker_until(task: PoolTask, rules: PoolRules) -> float | None:
    if task.stage == "contributing":  # for one contribution after the other
        return task.last_report + 2 * rules.lease
    if task.stage not in WORKING or task.forward is not None:  # the pool has the result: its worker cannot hasten it
        return None
    return _lease_end(task.stage, task.last_report, task.stage_since, rules)


def next_deadline(task: PoolTask, deal: e.DealMatched) -> int | None:
    """Return the next deadline of the chain that changes a task, or None."""
    if task.stage == "revealing" and task.replication is not None and not task.replication.reveal_over:
        return min(task.replication.reveal_deadline, deal.final_deadline)
    if task.stage in OPEN and task.stage != "revealing":
        return deal.contribution_deadline
    return None if task.stage in ENDED or task.refund_due else deal.final_deadline


def chain_call(task: PoolTask) -> ChainCall | None:
    """Return the chain call that a task needs and no transaction carries. It follows from its state."""
    if task.nonce is not None:
        return None
    if task.refund_due and task.stage not in ENDED:
        return ChainCall(
            kind="claim" if task.initialized else "initialize and claim",
            task=task.task,
            deal=task.deal,
            index=task.index,
        )
    if task.replication is not None and task.stage == "revealing" and (due := call_due(task.replication)):
        return ChainCall(
            kind="finalize" if due == "finalize" else "reopen",
            task=task.task,
            deal=task.deal,
            index=task.index,
            result=task.replication.result,
        )
    if task.forward is not None and task.stage in WORKING:
        forward = task.forward
        return ChainCall(kind="forward", task=task.task, deal=task.deal, index=task.index, forward=forward)
    if not task.initialized and task.stage in OPEN:
        return ChainCall(kind="initialize", task=task.task, deal=task.deal, index=task.index)
    return None

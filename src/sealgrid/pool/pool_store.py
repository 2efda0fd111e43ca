"""What a store of tasks offers to the operations on it, in one transaction (see ``operations``)."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from sealgrid.chain.blocks import BlockTrail
from sealgrid.pool.events import DealMatched
from sealgrid.pool.step import chain_call, is_assignable
from sealgrid.pool.task import WORKING, PoolTask
from sealgrid.pool.transactions import PoolTransaction
from sealgrid.units import Address, DealId, TaskId


class TaskChange(msgspec.Struct, frozen=True):
    """A task before and after; ``before`` is None for a new one."""

    before: PoolTask | None
    after: PoolTask
    deal: DealMatched


class QueuedTask(msgspec.Struct, frozen=True):
    """An assignable task, its deal, and its place in the queue."""

    place: int
    task: PoolTask
    deal: DealMatched


class Changes(msgspec.Struct, frozen=True):
    """What a transaction changed, for those who wait for it."""

    tasks: frozenset[TaskId] = frozenset()
    assignable: bool = False  #: whether a worker that waits may get a task now
    work: bool = False  #: whether a chain call or a question to the vaults is due now

    def __or__(self, other: "Changes") -> "Changes":
        """Return both."""
        return Changes(self.tasks | other.tasks, self.assignable or other.assignable, self.work or other.work)


def changes_of(saved: Sequence[TaskChange]) -> Changes:
    """Return what saved tasks mean for those who wait."""
    moved = [each for each in saved if each.before is None or each.before.history != each.after.history]
    return Changes(
        tasks=frozenset(each.after.task for each in moved),
        assignable=any(is_assignable(each.after) or _frees_worker(each) for each in saved),
        work=any(chain_call(each.after) or each.after.claimed_check for each in saved),
    )


def _frees_worker(change: TaskChange) -> bool:
    return change.before is not None and change.before.stage in WORKING and change.after.stage not in WORKING


class TaskRows(Protocol):
    """Rows of tasks and deals in one transaction. What it returns stays as it is until the transaction ends."""

    @property
    def changes(self) -> Changes:
        """Return what was saved so far."""

    def tasks(self, tasks: Collection[TaskId]) -> dict[TaskId, PoolTask]:
        """Return those tasks that are known, ended ones included."""

    def deals(self, deals: Collection[DealId]) -> dict[DealId, DealMatched]:
        """Return those deals that are known."""

    def add_deal(self, deal: DealMatched) -> None:
        """Add a deal."""

    def save(self, changes: Sequence[TaskChange]) -> None:
        """Write tasks; one that has ended moves to the history."""

    def assignable(self, after: int, limit: int, *, closing_after: int) -> list[QueuedTask]:
        """Return assignable tasks behind a place of the queue, first come first; those of other claims are skipped.

        Their contribution deadline is after ``closing_after``.
        """

    def of_workers(self, workers: Collection[Address]) -> list[PoolTask]:
        """Return the tasks that these workers have."""

    def expired(self, now: float, limit: int) -> list[TaskId]:
        """Return tasks whose lease has ended."""

    def overdue(self, chain_now: int, limit: int) -> list[TaskId]:
        """Return tasks of which a deadline has passed."""

    def calls(self, now: float, limit: int) -> list[TaskId]:
        """Return tasks that need a chain call now, oldest first."""

    def refusals(self, limit: int) -> list[TaskId]:
        """Return tasks whose reported refusal the vaults have not confirmed or denied yet."""

    def renew_leases(self, at: float) -> None:
        """Renew the lease of every task that a worker has (see ``renew_lease``)."""

    def forget(self, ended_before: float) -> None:
        """Delete tasks that ended before a time, and deals without tasks."""

    def transactions(self) -> list[PoolTransaction]:
        """Return the transactions that have not ended, by nonce."""

    def save_transaction(self, transaction: PoolTransaction) -> None:
        """Add a transaction, or replace the one with its nonce."""

    def remove_transaction(self, nonce: int) -> None:
        """Delete a transaction that has ended."""

    def save_trail(self, trail: BlockTrail) -> None:
        """Write which blocks were read."""

    def begin_epoch(self) -> int:
        """Return the number of a new leader, which is higher than all before."""

    def require_epoch(self, epoch: int) -> None:
        """Raise LeadershipEnded if there is a newer leader; none begins before this transaction ends."""


class PoolStore(Protocol):
    """A database of tasks. Its methods block; they may be called in several threads."""

    def transaction(self) -> AbstractContextManager[TaskRows]:
        """Return a transaction; it is durable when the context ends, and does nothing if an error ends it."""

    def task(self, task: TaskId) -> PoolTask | None:
        """Return a task without a transaction."""

    def deal(self, deal: DealId) -> DealMatched | None:
        """Return a deal without a transaction."""

    def trail(self) -> BlockTrail | None:
        """Return which blocks were read, or None on the first start."""

    def is_unreachable(self, error: Exception) -> bool:
        """Return whether an error means that the database does not answer now, so that a repetition may help."""

    def close(self) -> None:
        """Close the database."""

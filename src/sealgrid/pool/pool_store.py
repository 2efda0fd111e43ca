"""Interface of a store of tasks: its transactions, for the operations in ``operations``."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from sealgrid.chain.blocks import BlockTrail
from sealgrid.pool.effects import ChainCallKind
from sealgrid.pool.events import DealMatched
from sealgrid.pool.matching import AppFailures, KnownWorker
from sealgrid.pool.next_actions import chain_call, is_assignable, is_spare
from sealgrid.pool.task import PoolTask, workers_of
from sealgrid.pool.transactions import PoolTransaction
from sealgrid.units import Address, DealId, TaskId
from sealgrid.wire.pool import QueueView, WorkerCapabilities


class TaskChange(msgspec.Struct, frozen=True):
    """A task before and after; ``before`` is None for a new one."""

    before: PoolTask | None
    after: PoolTask
    deal: DealMatched


class StoredTask(msgspec.Struct, frozen=True):
    """A task that waits, its deal, and its place in the order of arrival."""

    place: int
    task: PoolTask
    deal: DealMatched


class QueueQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which tasks of the queue are wanted, and how many.

    In the order of price per second, then virtual start, then arrival; with ``start_by`` those that must start until
    then, in the order of that time.
    """

    capabilities: tuple[WorkerCapabilities, ...]  #: tasks that fit one of these workers
    closing_after: int  #: whose contribution deadline is later
    limit: int
    start_by: int | None = None
    after: StoredTask | None = None  #: behind this one


class Backlog(msgspec.Struct, frozen=True, order=True):
    """The tasks of one requester and one app that are not in the queue yet."""

    requester: Address
    app: Address


class Changes(msgspec.Struct, frozen=True):
    """Changes of a transaction, for those who wait for them."""

    tasks: frozenset[TaskId] = frozenset()
    assignable: bool = False  #: whether a worker that waits may get a task now
    work: bool = False  #: whether a chain call or a question to the vaults is due now

    def __or__(self, other: "Changes") -> "Changes":
        """Return both."""
        return Changes(self.tasks | other.tasks, self.assignable or other.assignable, self.work or other.work)


def changes_of(saved: Sequence[TaskChange]) -> Changes:
    """Return the changes that saved tasks cause for waiters."""
    moved = [each for each in saved if each.before is None or _moved(each.before, each.after)]
    return Changes(
        tasks=frozenset(each.after.task for each in moved),
        assignable=any(is_assignable(each.after) or is_spare(each.after) or _frees_worker(each) for each in saved),
        work=any(chain_call(each.after) or each.after.claimed_check for each in saved),
    )


def _moved(before: PoolTask, after: PoolTask) -> bool:
    return before.history != after.history or before.replication != after.replication


def _frees_worker(change: TaskChange) -> bool:
    return change.before is not None and len(workers_of(change.before)) > len(workers_of(change.after))


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

    def assignable(self, query: QueueQuery) -> list[StoredTask]:
        """Return tasks of the queue; those of other claims are skipped."""

    def spare(self, query: QueueQuery) -> list[StoredTask]:
        """Return tasks that idle workers may compute, too; those of other claims are skipped."""

    def slow_tasks(self, since: float) -> list[tuple[TaskId, DealId]]:
        """Return tasks, with their deals, that are at one stage with their worker since a time.

        Those that an idle worker may compute, too, are left out.
        """

    def has_open_tasks(self, deal: DealId, more_than: int) -> bool:
        """Return whether more tasks of a deal than so many have not ended."""

    def next_backlog(self, after: Backlog | None) -> Backlog | None:
        """Return the first backlog behind another one."""

    def backlog_tasks(self, backlog: Backlog, limit: int) -> list[StoredTask]:
        """Return tasks of a backlog: the one that must start first is first."""

    def open_of_requester(self, requester: Address) -> int:
        """Return how many tasks of a requester are in the queue or with workers."""

    def open_of_app(self, app: Address) -> int:
        """Return how many tasks of an app are in the queue or with workers."""

    def next_virtual_start(self, requester: Address, price: float, seconds: int) -> float:
        """Return the virtual start of a requester's next task at a price per second, which takes ``seconds`` seconds.

        It is that of its last task plus ``seconds``, and at least that of the task that is next in the queue.
        """

    def workers(self, workers: Collection[Address]) -> dict[Address, KnownWorker]:
        """Return those workers that are known; no other claim for them begins before this transaction ends."""

    def save_workers(self, workers: Sequence[KnownWorker]) -> None:
        """Write when workers requested jobs, and what they have."""

    def active_workers(self, since: float, limit: int) -> list[KnownWorker]:
        """Return some workers that requested a job after a time."""

    def failures(self, workers: Collection[Address]) -> dict[tuple[Address, Address], AppFailures]:
        """Return the failures of workers, by worker and app."""

    def add_failure(self, worker: Address, app: Address, at: float) -> None:
        """Count a task of an app that a worker lost."""

    def remove_failures(self, pairs: Collection[tuple[Address, Address]]) -> None:
        """Forget the failures of workers with apps."""

    def agreements(self, worker: Address, app: Address) -> int:
        """Return on how many results of an app in a row a worker agreed with others."""

    def add_agreement(self, worker: Address, app: Address, at: float) -> None:
        """Count a result of an app on which a worker agreed with others."""

    def remove_agreements(self, worker: Address, app: Address) -> None:
        """Forget them: the worker differed, or did not contribute."""

    def of_workers(self, workers: Collection[Address]) -> list[PoolTask]:
        """Return the tasks that these workers have, alone or beside others."""

    def expired(self, now: float, limit: int) -> list[TaskId]:
        """Return tasks whose lease has ended."""

    def overdue(self, chain_now: int, limit: int) -> list[TaskId]:
        """Return tasks of which a deadline has passed."""

    def calls(self, kind: ChainCallKind, now: float, limit: int) -> list[TaskId]:
        """Return tasks that need a chain call of one kind now, oldest first."""

    def refusals(self, limit: int) -> list[TaskId]:
        """Return tasks whose reported refusal the vaults have not confirmed or denied yet."""

    def renew_leases(self, at: float) -> None:
        """Renew the lease of every task that a worker has, or that waits for a contribution (see ``renew_lease``)."""

    def forget(self, ended_before: float) -> None:
        """Delete tasks that ended before a time, deals without tasks, and workers without a request since."""

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
    """A database of tasks. Its methods block; they may be called in several threads.

    They raise DatabaseUnavailable if the database does not answer.
    """

    def transaction(self) -> AbstractContextManager[TaskRows]:
        """Return a transaction; it is durable when the context ends, and does nothing if an error ends it."""

    def task(self, task: TaskId) -> PoolTask | None:
        """Return a task without a transaction."""

    def deal(self, deal: DealId) -> DealMatched | None:
        """Return a deal without a transaction."""

    def trail(self) -> BlockTrail | None:
        """Return which blocks were read, or None on the first start."""

    def count_tasks(self, since: float) -> QueueView:
        """Return how many tasks wait, are with a worker, and ended since a time, Unix seconds."""

    @property
    def is_shared(self) -> bool:
        """Return whether several processes may use the database; then it may fail over to another server."""

    def close(self) -> None:
        """Close the database."""

"""A store of tasks in SQLite or PostgreSQL (see ``tables``)."""

import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from sealgrid.chain.blocks import BlockTrail
from sealgrid.errors import LeadershipEnded
from sealgrid.pool import task_queries as queries
from sealgrid.pool.database import create_tables, database_errors, open_engine, session_arguments
from sealgrid.pool.effects import ChainCallKind
from sealgrid.pool.events import DealMatched
from sealgrid.pool.matching import AppFailures, KnownWorker, price_per_second, requirement, start_by
from sealgrid.pool.next_actions import chain_call, is_assignable, is_in_backlog, is_spare, lease_until, next_deadline
from sealgrid.pool.notifications import notifications
from sealgrid.pool.pool_store import Backlog, Changes, QueueQuery, StoredTask, TaskChange, changes_of
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.step import renew_lease
from sealgrid.pool.tables import (
    AGREEMENTS,
    COPY,
    DEAL,
    FAILURES,
    HISTORY,
    KNOWN_WORKER,
    LEADER,
    SPARE,
    TASK,
    TRAIL,
    TRANSACTION,
)
from sealgrid.pool.task import ENDED, OPEN, WORKING, PoolTask
from sealgrid.pool.transactions import PoolTransaction
from sealgrid.units import Address, DealId, TaskId
from sealgrid.wire.pool import QueueView, WorkerCapabilities

_TABLES_LOCK: Final = 0x5EA16001  #: PostgreSQL advisory lock under which the tables are made
CHANNEL: Final = "sealgrid_pool"  #: of notifications about changes
_BATCH: Final = 500  #: identifiers in one statement, well below both databases' limits


class SqlPoolStore:
    """The database at an SQLAlchemy ``url``; ``rules`` tell when a lease ends.

    Raises DatabaseUnavailable if the database does not answer, InputRefused if another version made its tables.
    """

    def __init__(self, url: str, rules: PoolRules) -> None:
        self._rules = rules
        self.replica = secrets.token_hex(8)  #: tells its own notifications from those of other processes
        self._engine = open_engine(url)
        self._insert: Any = (postgresql if self.is_shared else sqlite).insert
        self._reader = self._engine
        if self._engine.dialect.name == "sqlite":
            sql.event.listen(self._engine, "connect", _durable)
            sql.event.listen(self._engine, "begin", _begin_immediate)
            self._reader = sql.create_engine(url)
        with database_errors(), self._engine.begin() as connection:
            if self.is_shared:  # replicas that start together make the tables once
                connection.execute(sql.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _TABLES_LOCK})
            create_tables(connection)
            first = self._insert(LEADER).values(one=1, epoch=0).on_conflict_do_nothing()
            connection.execute(first)

    @property
    def is_shared(self) -> bool:
        """Return whether several processes may use the database: PostgreSQL."""
        return self._engine.dialect.name == "postgresql"

    @contextmanager
    def transaction(self) -> "Iterator[SqlTaskRows]":
        """Return a transaction; it is durable when the context ends, and does nothing if an error ends it."""
        with database_errors(), self._engine.begin() as connection:
            rows = SqlTaskRows(connection, self._rules, self._insert)
            yield rows
            if self.is_shared:
                for text in notifications(self.replica, rows.changes):
                    connection.execute(queries.NOTIFY, {"channel": CHANNEL, "text": text})

    def task(self, task: TaskId) -> PoolTask | None:
        """Return a task without a transaction."""
        with database_errors(), self._reader.connect() as connection:
            row = connection.execute(queries.ONE_TASK, {"one": task}).one_or_none()
            if row is not None:
                return _task_of(row)
            ended = connection.execute(queries.ONE_ENDED, {"one": task}).scalar()
            return None if ended is None else msgspec.json.decode(ended, type=PoolTask)

    def deal(self, deal: DealId) -> DealMatched | None:
        """Return a deal without a transaction."""
        with database_errors(), self._reader.connect() as connection:
            doc: bytes | None = connection.execute(queries.ONE_DEAL, {"one": deal}).scalar()
            return None if doc is None else msgspec.json.decode(doc, type=DealMatched)

    def trail(self) -> BlockTrail | None:
        """Return which blocks were read, or None on the first start."""
        with database_errors(), self._reader.connect() as connection:
            doc: bytes | None = connection.execute(sql.select(TRAIL.c.doc)).scalar()
            return None if doc is None else msgspec.json.decode(doc, type=BlockTrail)

    def count_tasks(self, since: float) -> QueueView:
        """Return how many tasks wait, are with a worker, and ended since a time, without a transaction."""
        with database_errors(), self._reader.connect() as connection:
            backlog, ready, working = (
                connection.scalar(query) or 0
                for query in (queries.COUNT_BACKLOG, queries.COUNT_READY, queries.COUNT_WORKING)
            )
            ended = {row.stage: row.n for row in connection.execute(queries.ENDED_SINCE, {"since": since})}
        return QueueView(
            waiting=backlog + ready,
            working=working,
            completed=ended.get("completed", 0),
            refunded=ended.get("refunded", 0),
        )

    def connect_arguments(self) -> dict[str, Any]:
        """Return the arguments of psycopg for a session of its own."""
        return session_arguments(self._engine)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()
        self._reader.dispose()


class SqlTaskRows:
    """Rows in one transaction (see ``TaskRows``)."""

    def __init__(self, connection: sql.Connection, rules: PoolRules, insert: Any) -> None:
        self._connection, self._rules, self._upsert = connection, rules, insert
        self.changes = Changes()

    def tasks(self, tasks: Collection[TaskId]) -> dict[TaskId, PoolTask]:
        """Return those tasks that are known, ended ones included."""
        found: dict[TaskId, PoolTask] = {}
        for some in _batches(tasks):
            # One order for all replicas, so that none waits for another that waits for it.
            found.update(
                (TaskId(row.task), _task_of(row)) for row in self._connection.execute(queries.TASKS, {"some": some})
            )
            missing = [task for task in some if task not in found]
            if missing:
                ended = self._connection.execute(queries.ENDED_TASKS, {"some": missing})
                found.update((TaskId(row.task), msgspec.json.decode(row.doc, type=PoolTask)) for row in ended)
        return found

    def deals(self, deals: Collection[DealId]) -> dict[DealId, DealMatched]:
        """Return those deals that are known."""
        found: dict[DealId, DealMatched] = {}
        for some in _batches(deals):
            rows = self._connection.execute(queries.DEALS, {"some": some})
            found.update((DealId(row.deal), msgspec.json.decode(row.doc, type=DealMatched)) for row in rows)
        return found

    def add_deal(self, deal: DealMatched) -> None:
        """Add a deal."""
        row = {"deal": deal.deal, "final_deadline": deal.final_deadline, "doc": msgspec.json.encode(deal)}
        self._connection.execute(DEAL.insert(), row)

    def save(self, changes: Sequence[TaskChange]) -> None:
        """Write tasks; one that has ended moves to the history."""
        saved = [each for each in changes if each.before is not each.after]
        self.changes |= changes_of(saved)
        new, leases, changed, ended = [], [], [], []
        for each in saved:
            if each.after.stage in ENDED:
                ended.append(each)
            elif each.before is None:
                new.append(self._row(each) | _fixed_columns(each))
            elif _is_lease_only(each.before, each.after):
                leases.append(self._lease_row(each.after) | {"one": each.after.task})
            else:
                changed.append(self._row(each) | {"one": each.after.task})
        if new:
            self._connection.execute(TASK.insert(), new)
        if leases:
            self._connection.execute(queries.UPDATE_TASK, leases)
        if changed:
            self._connection.execute(queries.UPDATE_TASK, changed)
        if ended:
            self._archive(ended)
        self._save_copies(saved)
        self._save_spare(saved)

    def _save_spare(self, saved: Sequence[TaskChange]) -> None:
        moved = [each for each in saved if (each.before is not None and is_spare(each.before)) != is_spare(each.after)]
        if added := [{"task": each.after.task} for each in moved if is_spare(each.after)]:
            self._connection.execute(SPARE.insert(), added)
        if removed := [{"one": each.after.task} for each in moved if not is_spare(each.after)]:
            self._connection.execute(queries.REMOVE_SPARE, removed)

    def _save_copies(self, saved: Sequence[TaskChange]) -> None:
        moved = [each for each in saved if each.before and _copied_to(each.before) != _copied_to(each.after)]
        if moved:
            self._connection.execute(queries.REMOVE_COPIES, [{"one": each.after.task} for each in moved])
        if rows := [{"task": each.after.task, "worker": name} for each in moved for name in _copied_to(each.after)]:
            self._connection.execute(COPY.insert(), rows)

    def assignable(self, query: QueueQuery) -> list[StoredTask]:
        """Return tasks of the queue; those of other claims are skipped."""
        urgent, paged = query.start_by is not None, query.after is not None
        return self._stored(queries.assignable(query.capabilities, urgent=urgent, paged=paged), queries.bounds(query))

    def spare(self, query: QueueQuery) -> list[StoredTask]:
        """Return tasks that idle workers may compute, too; those of other claims are skipped."""
        return self._stored(queries.spare(query.capabilities), {"closing": query.closing_after, "limit": query.limit})

    def slow_tasks(self, since: float) -> list[tuple[TaskId, DealId]]:
        """Return tasks, with their deals, that are at one stage with their worker since a time."""
        found = self._connection.execute(queries.SLOW_TASKS, {"since": since})
        return [(TaskId(row.task), DealId(row.deal)) for row in found]

    def has_open_tasks(self, deal: DealId, more_than: int) -> bool:
        """Return whether more tasks of a deal than so many have not ended."""
        return bool(self._connection.execute(queries.ONE_MORE_OF_DEAL, {"deal": deal, "offset": more_than}).all())

    def next_backlog(self, after: Backlog | None) -> Backlog | None:
        """Return the first backlog behind another one."""
        behind = {"requester": after.requester, "app": after.app} if after else {"requester": "", "app": ""}
        row = self._connection.execute(queries.NEXT_BACKLOG, behind).one_or_none()
        return None if row is None else Backlog(Address(row.requester), Address(row.app))

    def backlog_tasks(self, backlog: Backlog, limit: int) -> list[StoredTask]:
        """Return tasks of a backlog: the one that must start first is first."""
        bounds = {"requester": backlog.requester, "app": backlog.app, "limit": limit}
        return self._stored(queries.BACKLOG_TASKS, bounds)

    def open_of_requester(self, requester: Address) -> int:
        """Return how many tasks of a requester are in the queue or with workers."""
        return int(self._connection.execute(queries.OPEN_OF_REQUESTER, {"one": requester}).scalar_one())

    def open_of_app(self, app: Address) -> int:
        """Return how many tasks of an app are in the queue or with workers."""
        return int(self._connection.execute(queries.OPEN_OF_APP, {"one": app}).scalar_one())

    def next_virtual_start(self, requester: Address, price: float, seconds: int) -> float:
        """Return the virtual start of a requester's next task (see ``TaskRows.next_virtual_start``)."""
        own, first, last = (
            self._connection.execute(query, {"one": requester, "price": -price}).scalar()
            for query in (queries.LAST_START_OF_REQUESTER, queries.FIRST_START, queries.LAST_START)
        )
        least = first if first is not None else last
        return max(0.0 if own is None else own + seconds, least or 0.0)

    def workers(self, workers: Collection[Address]) -> dict[Address, KnownWorker]:
        """Return those workers that are known; no other claim for them begins before this transaction ends."""
        found: dict[Address, KnownWorker] = {}
        for some in _batches(workers):
            found.update(
                (Address(row.worker), _worker_of(row))
                for row in self._connection.execute(queries.WORKERS, {"some": some})
            )
        return found

    def save_workers(self, workers: Sequence[KnownWorker]) -> None:
        """Write when workers requested jobs, and what they have."""
        ordered = sorted(workers, key=lambda each: each.worker)
        values = [
            {"worker": each.worker, "requested_at": each.requested_at, "doc": msgspec.json.encode(each.capabilities)}
            for each in ordered
        ]
        insert = self._upsert(KNOWN_WORKER)
        changed = {"requested_at": insert.excluded.requested_at, "doc": insert.excluded.doc}
        self._connection.execute(insert.on_conflict_do_update(index_elements=["worker"], set_=changed), values)

    def active_workers(self, since: float, limit: int) -> list[KnownWorker]:
        """Return some workers that requested a job after a time."""
        return [_worker_of(row) for row in self._connection.execute(queries.ACTIVE, {"since": since, "limit": limit})]

    def failures(self, workers: Collection[Address]) -> dict[tuple[Address, Address], AppFailures]:
        """Return the failures of workers, by worker and app."""
        found: dict[tuple[Address, Address], AppFailures] = {}
        for some in _batches(workers):
            for row in self._connection.execute(queries.FAILURES_OF_WORKERS, {"some": some}):
                worker, app = Address(row.worker), Address(row.app)
                found[worker, app] = AppFailures(worker, app, row.losses, row.at)
        return found

    def add_failure(self, worker: Address, app: Address, at: float) -> None:
        """Count a task of an app that a worker lost."""
        insert = self._upsert(FAILURES).values(worker=worker, app=app, losses=1, at=at)
        counted = {"losses": FAILURES.c.losses + 1, "at": at}
        self._connection.execute(insert.on_conflict_do_update(index_elements=["worker", "app"], set_=counted))

    def remove_failures(self, pairs: Collection[tuple[Address, Address]]) -> None:
        """Forget the failures of workers with apps."""
        values = [{"one": worker, "other": app} for worker, app in sorted(pairs)]
        self._connection.execute(queries.REMOVE_FAILURES, values)

    def agreements(self, worker: Address, app: Address) -> int:
        """Return on how many results of an app in a row a worker agreed with others."""
        return int(self._connection.execute(queries.AGREEMENT_COUNT, {"one": worker, "other": app}).scalar() or 0)

    def add_agreement(self, worker: Address, app: Address, at: float) -> None:
        """Count a result of an app on which a worker agreed with others."""
        insert = self._upsert(AGREEMENTS).values(worker=worker, app=app, results=1, at=at)
        counted = {"results": AGREEMENTS.c.results + 1, "at": at}
        self._connection.execute(insert.on_conflict_do_update(index_elements=["worker", "app"], set_=counted))

    def remove_agreements(self, worker: Address, app: Address) -> None:
        """Forget them: the worker differed, or did not contribute."""
        self._connection.execute(queries.REMOVE_AGREEMENTS, {"one": worker, "other": app})

    def of_workers(self, workers: Collection[Address]) -> list[PoolTask]:
        """Return the tasks that these workers have."""
        found: list[PoolTask] = []
        for some in _batches(workers):
            for query in (queries.OF_WORKERS, queries.COPIES_OF_WORKERS):
                found += map(_task_of, self._connection.execute(query, {"some": some}))
        return list({task.task: task for task in found}.values())

    def expired(self, now: float, limit: int) -> list[TaskId]:
        """Return tasks whose lease has ended."""
        return self._ids(queries.EXPIRED, {"now": now, "limit": limit})

    def overdue(self, chain_now: int, limit: int) -> list[TaskId]:
        """Return tasks of which a deadline has passed."""
        return self._ids(queries.OVERDUE, {"now": chain_now, "limit": limit})

    def calls(self, kind: ChainCallKind, now: float, limit: int) -> list[TaskId]:
        """Return tasks that need a chain call of one kind now, oldest first."""
        return self._ids(queries.CALLS, {"kind": kind, "now": now, "limit": limit})

    def refusals(self, limit: int) -> list[TaskId]:
        """Return tasks whose reported refusal the vaults have not confirmed or denied yet."""
        return self._ids(queries.REFUSALS, {"limit": limit})

    def renew_leases(self, at: float) -> None:
        """Renew the lease of every task that a worker has, or that waits for a contribution."""
        lease = self._rules.lease
        copied = [renew_lease(_task_of(row), at) for row in self._connection.execute(queries.COPIED)]
        if copied:
            docs = [{"one": task.task, "doc": msgspec.json.encode(task)} for task in copied]
            self._connection.execute(queries.UPDATE_TASK, docs)
        self._connection.execute(queries.RENEW, {"at": at, "working": at + lease, "contributing": at + 2 * lease})

    def forget(self, ended_before: float) -> None:
        """Delete tasks that ended before a time, deals without tasks, and workers without a request since."""
        self._connection.execute(KNOWN_WORKER.delete().where(KNOWN_WORKER.c.requested_at < ended_before))
        self._connection.execute(FAILURES.delete().where(FAILURES.c.at < ended_before))
        self._connection.execute(AGREEMENTS.delete().where(AGREEMENTS.c.at < ended_before))
        self._connection.execute(HISTORY.delete().where(HISTORY.c.ended_at < ended_before))
        empty = ~sql.exists().where(TASK.c.deal == DEAL.c.deal) & ~sql.exists().where(HISTORY.c.deal == DEAL.c.deal)
        self._connection.execute(DEAL.delete().where(DEAL.c.final_deadline < ended_before, empty))

    def transactions(self) -> list[PoolTransaction]:
        """Return the transactions that have not ended, by nonce."""
        docs = self._connection.execute(sql.select(TRANSACTION.c.doc).order_by(TRANSACTION.c.nonce)).scalars()
        return [msgspec.json.decode(doc, type=PoolTransaction) for doc in docs]

    def save_transaction(self, transaction: PoolTransaction) -> None:
        """Add a transaction, or replace the one with its nonce."""
        doc = msgspec.json.encode(transaction)
        insert = self._upsert(TRANSACTION).values(nonce=transaction.nonce, doc=doc)
        self._connection.execute(insert.on_conflict_do_update(index_elements=["nonce"], set_={"doc": doc}))

    def remove_transaction(self, nonce: int) -> None:
        """Delete a transaction that has ended."""
        self._connection.execute(TRANSACTION.delete().where(TRANSACTION.c.nonce == nonce))

    def save_trail(self, trail: BlockTrail) -> None:
        """Write which blocks were read."""
        doc = msgspec.json.encode(trail)
        insert = self._upsert(TRAIL).values(one=1, doc=doc)
        self._connection.execute(insert.on_conflict_do_update(index_elements=["one"], set_={"doc": doc}))

    def begin_epoch(self) -> int:
        """Return the number of a new leader, which is higher than all before."""
        return int(self._connection.execute(queries.BEGIN_EPOCH).scalar_one())

    def require_epoch(self, epoch: int) -> None:
        """Raise LeadershipEnded if there is a newer leader; none begins before this transaction ends."""
        if self._connection.execute(queries.EPOCH).scalar_one() != epoch:
            raise LeadershipEnded("another process of this pool does its work on the chain now.")

    def _stored(self, query: sql.Select[Any], bounds: dict[str, object]) -> list[StoredTask]:
        rows = self._connection.execute(query, bounds).all()
        deals = self.deals({DealId(row.deal) for row in rows})
        return [StoredTask(row.place, _task_of(row), deals[DealId(row.deal)]) for row in rows]

    def _ids(self, query: sql.Select[Any], bounds: dict[str, object]) -> list[TaskId]:
        return [TaskId(task) for task in self._connection.execute(query, bounds).scalars()]

    def _archive(self, ended: Sequence[TaskChange]) -> None:
        rows = [
            {
                "task": each.after.task,
                "deal": each.after.deal,
                "ended_at": each.after.history[-1].at,
                "stage": each.after.stage,
                "doc": msgspec.json.encode(each.after),
            }
            for each in ended
        ]
        self._connection.execute(HISTORY.insert(), rows)
        self._connection.execute(queries.DELETE_TASK, [{"one": each.after.task} for each in ended])

    def _row(self, change: TaskChange) -> dict[str, object]:
        task, deal = change.after, change.deal
        call = chain_call(task)
        return self._lease_row(task) | {
            "in_backlog": is_in_backlog(task),
            "queued": task.queued and task.stage in OPEN,
            "ready": is_assignable(task),
            "virtual_start": task.virtual_start,
            "deadline": next_deadline(task, deal),
            "worker": task.worker if task.stage in WORKING else None,
            "call": call and call.kind,
            "call_after": task.call_after,
            "refusal": task.claimed_check,
            "doc": msgspec.json.encode(task),
        }

    def _lease_row(self, task: PoolTask) -> dict[str, object]:
        return {
            "last_report": task.last_report,
            "stage_since": task.stage_since,
            "lease_until": lease_until(task, self._rules),
        }


def _fixed_columns(change: TaskChange) -> dict[str, object]:
    task, deal = change.after, change.deal
    return {
        "task": task.task,
        "deal": task.deal,
        "requester": deal.requester,
        "app": deal.app,
        "start_by": start_by(deal),
        "price": -price_per_second(deal),
        "tag": requirement(deal.tag),
        "memory": deal.memory,
    }


def _copied_to(task: PoolTask) -> tuple[Address, ...]:
    return tuple(copy.worker for copy in task.copies)


def _is_lease_only(before: PoolTask, after: PoolTask) -> bool:
    leased = msgspec.structs.replace(before, last_report=after.last_report, stage_since=after.stage_since)
    return leased == after


def _task_of(row: Any) -> PoolTask:
    task = msgspec.json.decode(row.doc, type=PoolTask)
    return msgspec.structs.replace(task, last_report=row.last_report, stage_since=row.stage_since)


def _worker_of(row: Any) -> KnownWorker:
    return KnownWorker(Address(row.worker), row.requested_at, msgspec.json.decode(row.doc, type=WorkerCapabilities))


def _batches(values: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), _BATCH):
        yield ordered[start : start + _BATCH]


def _durable(connection: Any, _: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see below
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=5000")


def _begin_immediate(connection: sql.Connection) -> None:
    # A transaction that reads first and then writes could otherwise fail at its first write.
    connection.exec_driver_sql("BEGIN IMMEDIATE")

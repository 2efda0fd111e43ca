"""The chain index, an SQLite file: the indexer writes it, the pages read it (summaries: ``summary_store``)."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sql

from sealgrid.chain.blocks import BlockTrail
from sealgrid.receipts.run_record import counted_as
from sealgrid.receipts.verify import VerifiedReceipt
from sealgrid.units import Digest, TaskId
from sealgrid.web.index.tables import META, assets, deals, owners, progress, steps, tasks

Row = dict[str, Any]
SCHEMA_VERSION: Final = 9

#: The task state after each kind of step; other steps do not change it.
STATES: Final = {"initialize": "running", "finalize": "completed", "claimed": "refunded", "reopen": "running"}


class IndexedBlocks(msgspec.Struct, frozen=True):
    """The rows of a range of blocks."""

    assets: tuple[Row, ...] = ()
    owners: tuple[Row, ...] = ()  #: ownership from these events on
    deals: tuple[Row, ...] = ()
    tasks: tuple[Row, ...] = ()
    steps: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiptDue:
    """A completed task without a verified receipt."""

    task: TaskId
    ended: int  #: time of the payment; another one after a reorganisation
    tries: int


class IndexStore:
    """Opens or creates the file. One of another chain or schema version is discarded: the chain has all of it."""

    def __init__(self, path: Path, genesis: Digest) -> None:
        self.engine = sql.create_engine(f"sqlite:///{path}")
        sql.event.listen(self.engine, "connect", _enable_write_ahead_log)
        self._genesis = genesis
        self._writing = threading.Lock()  # a count that is read must be the one that is written
        with self.engine.begin() as connection:
            if connection.exec_driver_sql("PRAGMA user_version").scalar() != SCHEMA_VERSION:
                META.drop_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
            META.create_all(connection)
            if connection.scalar(sql.select(progress.c.genesis)) not in {None, genesis}:
                self._clear(connection)

    def trail(self) -> BlockTrail | None:
        """Return the indexed blocks; None for none."""
        with self.engine.connect() as connection:
            body = connection.scalar(sql.select(progress.c.trail))
        return None if body is None else msgspec.json.decode(body, type=BlockTrail)

    def write(self, blocks: IndexedBlocks, trail: BlockTrail) -> None:
        """Add the rows of some blocks, and store the trail that includes them, in one transaction."""
        with self._writing, self.engine.begin() as connection:
            for table, rows in (
                (assets, blocks.assets),
                (owners, blocks.owners),
                (deals, blocks.deals),
                (tasks, blocks.tasks),
                (steps, blocks.steps),
            ):
                if rows:
                    connection.execute(table.insert().prefix_with("OR REPLACE"), list(rows))
            _update_owners(connection, {row["asset"] for row in blocks.owners})
            _update_states(connection, _in_order_of_last_change(blocks.steps))
            self._save(connection, trail)

    def roll_back(self, block: int, trail: BlockTrail) -> None:
        """Remove every block above ``block``."""
        with self._writing, self.engine.begin() as connection:
            changed = set(connection.scalars(sql.select(steps.c.task).where(steps.c.block > block)))
            connection.execute(steps.delete().where(steps.c.block > block))
            _update_states(connection, changed)  # before tasks are deleted: their assets lose the runs
            transferred = set(connection.scalars(sql.select(owners.c.asset).where(owners.c.block > block)))
            connection.execute(owners.delete().where(owners.c.block > block))
            _update_owners(connection, transferred)
            for table in (assets, deals, tasks):
                connection.execute(table.delete().where(table.c.block > block))
            self._save(connection, trail)

    def clear(self) -> None:
        """Remove everything: the chain was replaced."""
        with self._writing, self.engine.begin() as connection:
            self._clear(connection)

    def due_receipts(self, now: int, most: int) -> Sequence[ReceiptDue]:
        """Return completed tasks whose receipt is to be read by ``now``, those with the fewest tries first."""
        query = sql.select(tasks.c.task, tasks.c.ended, tasks.c.receipt_tries).where(tasks.c.receipt_due <= now)
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(tasks.c.receipt_due).limit(most)).all()
        return [ReceiptDue(TaskId(row.task), row.ended, row.receipt_tries) for row in rows]

    def store_exit_class(self, due: ReceiptDue, receipt: VerifiedReceipt) -> None:
        """Store how a task ended, and count it for its app, dataset and pool; skip one that was rolled back."""
        with self._writing, self.engine.begin() as connection:
            row = _row_of(connection, due)
            if row is None or row.exit_class is not None:
                return
            exit_class = receipt.body.exit_class
            values = {"exit_class": exit_class, "receipt_due": None}
            connection.execute(tasks.update().where(tasks.c.task == due.task).values(values))
            _count(connection, row, {counted_as(exit_class, proof=row.proof): 1})

    def postpone_receipt(self, due: ReceiptDue, until: int) -> None:
        """Store that a receipt could not be verified, and when to try again, Unix seconds."""
        with self._writing, self.engine.begin() as connection:
            if _row_of(connection, due) is not None:
                values = {"receipt_tries": due.tries + 1, "receipt_due": until}
                connection.execute(tasks.update().where(tasks.c.task == due.task).values(values))

    def close(self) -> None:
        """Close the file."""
        self.engine.dispose()

    def _save(self, connection: sql.Connection, trail: BlockTrail) -> None:
        row = {"one": 1, "genesis": self._genesis, "trail": msgspec.json.encode(trail)}
        connection.execute(progress.insert().prefix_with("OR REPLACE"), row)

    def _clear(self, connection: sql.Connection) -> None:
        for table in META.tables.values():
            connection.execute(table.delete())


def _update_owners(connection: sql.Connection, changed: Iterable[str]) -> None:
    """Set each asset's owner to that of its last transfer."""
    for asset in changed:
        query = sql.select(owners.c.owner).where(owners.c.asset == asset)
        last = connection.scalar(query.order_by(owners.c.block.desc(), owners.c.position.desc()).limit(1))
        if last is not None:
            connection.execute(assets.update().where(assets.c.address == asset).values(owner=last))


def _in_order_of_last_change(rows: Iterable[Row]) -> list[str]:
    """Return the tasks whose state these steps change, the one that changed last at the end."""
    changed: dict[str, None] = {}
    for row in rows:
        if row["kind"] in STATES:
            changed.pop(row["task"], None)
            changed[row["task"]] = None
    return list(changed)


def _update_states(connection: sql.Connection, changed: Iterable[str]) -> None:
    """Set each task's state to that of its last step, and count its assets' completed runs."""
    for task in changed:
        row = connection.execute(sql.select(tasks).where(tasks.c.task == task)).one_or_none()
        if row is None:
            continue
        query = sql.select(steps.c.kind, steps.c.time).where(steps.c.task == task, steps.c.kind.in_(STATES))
        last = connection.execute(query.order_by(steps.c.block.desc(), steps.c.position.desc()).limit(1)).one_or_none()
        state = "waiting" if last is None else STATES[last.kind]
        values: Row = {
            "state": state,
            "ended": last.time if last is not None and state in {"completed", "refunded"} else None,
            "worker": None,
            "cold": None,
            "exit_class": None,
            "receipt_tries": 0,
            "receipt_due": None,
        }
        counts = {"runs": -1} if row.state == "completed" else {}
        if row.exit_class is not None:
            counts[counted_as(row.exit_class, proof=row.proof)] = -1
        if state == "completed":
            counts["runs"] = counts.get("runs", 0) + 1
            values |= {"receipt_due": 0, **_worker_of(connection, row)}
        _count(connection, row, counts)
        connection.execute(tasks.update().where(tasks.c.task == task).values(values))


def _worker_of(connection: sql.Connection, row: sql.Row[Any]) -> Row:
    """Return the worker that was paid for a task, and whether it was its first with this app and dataset."""
    query = sql.select(steps.c.account).where(steps.c.task == row.task, steps.c.kind == "contribute")
    worker = connection.scalar(query.order_by(steps.c.block.desc(), steps.c.position.desc()).limit(1))
    earlier = sql.select(tasks.c.task).where(
        tasks.c.worker == worker, tasks.c.app == row.app, tasks.c.dataset == row.dataset, tasks.c.task != row.task
    )
    return {"worker": worker, "cold": connection.scalar(earlier.limit(1)) is None}


def _count(connection: sql.Connection, task: sql.Row[Any], changes: Mapping[str, int]) -> None:
    """Change the counts of a task's app, dataset and pool."""
    if any(changes.values()):
        parties = assets.c.address.in_({task.app, task.dataset, task.workerpool})
        values = {name: assets.c[name] + change for name, change in changes.items()}
        connection.execute(assets.update().where(parties).values(values))


def _row_of(connection: sql.Connection, due: ReceiptDue) -> sql.Row[Any] | None:
    query = sql.select(tasks).where(tasks.c.task == due.task, tasks.c.ended == due.ended, tasks.c.state == "completed")
    return connection.execute(query).one_or_none()


def _enable_write_ahead_log(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")

"""The chain index, an SQLite file: the indexer writes it, the pages read it (summaries: ``summary_store``)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sql

from sealgrid.chain.blocks import BlockTrail
from sealgrid.units import Digest
from sealgrid.web.index.tables import META, assets, deals, owners, progress, steps, tasks

Row = dict[str, Any]
SCHEMA_VERSION: Final = 8

#: The task state after each kind of step; other steps do not change it.
STATES: Final = {"initialize": "running", "finalize": "completed", "claimed": "refunded", "reopen": "running"}


class IndexedBlocks(msgspec.Struct, frozen=True):
    """The rows of a range of blocks."""

    assets: tuple[Row, ...] = ()
    owners: tuple[Row, ...] = ()  #: ownership from these events on
    deals: tuple[Row, ...] = ()
    tasks: tuple[Row, ...] = ()
    steps: tuple[Row, ...] = ()


class IndexStore:
    """Opens or creates the file. One of another chain or schema version is discarded: the chain has all of it."""

    def __init__(self, path: Path, genesis: Digest) -> None:
        self.engine = sql.create_engine(f"sqlite:///{path}")
        sql.event.listen(self.engine, "connect", _enable_write_ahead_log)
        self._genesis = genesis
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
        with self.engine.begin() as connection:
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
            _update_states(connection, {row["task"] for row in blocks.steps if row["kind"] in STATES})
            self._save(connection, trail)

    def roll_back(self, block: int, trail: BlockTrail) -> None:
        """Remove every block above ``block``."""
        with self.engine.begin() as connection:
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
        with self.engine.begin() as connection:
            self._clear(connection)

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


def _update_states(connection: sql.Connection, changed: Iterable[str]) -> None:
    """Set each task's state to that of its last step, and count its assets' completed runs."""
    for task in changed:
        query = sql.select(steps.c.kind, steps.c.time).where(steps.c.task == task, steps.c.kind.in_(STATES))
        last = connection.execute(query.order_by(steps.c.block.desc(), steps.c.position.desc()).limit(1)).one_or_none()
        state = "waiting" if last is None else STATES[last.kind]
        ended = last.time if last is not None and state in {"completed", "refunded"} else None
        row = connection.execute(sql.select(tasks).where(tasks.c.task == task)).one_or_none()
        change = 0 if row is None else (state == "completed") - (row.state == "completed")
        if row is not None and change:
            parties = assets.c.address.in_({row.app, row.dataset, row.workerpool})
            connection.execute(assets.update().where(parties).values(runs=assets.c.runs + change))
        connection.execute(tasks.update().where(tasks.c.task == task).values(state=state, ended=ended))


def _enable_write_ahead_log(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")

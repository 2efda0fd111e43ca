"""The index as an SQLite file: written by one follower, block by block, read by every page."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sql

from sealgrid.chain.blocks import BlockTrail
from sealgrid.units import Digest
from sealgrid.web.index.tables import META, assets, deals, owners, progress, steps, tasks

Row = dict[str, Any]
LAYOUT: Final = 6  #: of the tables

#: What a step makes of its task's state; other steps leave it.
STATES = {"initialize": "running", "finalize": "completed", "claimed": "refunded", "reopen": "running"}


class IndexedBlocks(msgspec.Struct, frozen=True):
    """What one stretch of blocks adds to the index."""

    assets: tuple[Row, ...] = ()
    owners: tuple[Row, ...] = ()  #: whose assets are from these events on
    deals: tuple[Row, ...] = ()
    tasks: tuple[Row, ...] = ()
    steps: tuple[Row, ...] = ()


class IndexStore:
    """Opens or makes the file; one of another chain or layout is thrown away, since all of it can be read again."""

    def __init__(self, path: Path, genesis: Digest) -> None:
        self.engine = sql.create_engine(f"sqlite:///{path}")
        sql.event.listen(self.engine, "connect", _configure)
        _lay_out(self.engine)
        self._genesis = genesis
        with self.engine.begin() as connection:
            if connection.scalar(sql.select(progress.c.genesis)) not in {None, genesis}:
                self._forget(connection)

    def trail(self) -> BlockTrail | None:
        """Return which blocks are in the index; None for none."""
        with self.engine.connect() as connection:
            body = connection.scalar(sql.select(progress.c.trail))
        return None if body is None else msgspec.json.decode(body, type=BlockTrail)

    def write(self, written: IndexedBlocks, trail: BlockTrail) -> None:
        """Add what some blocks hold, together with the trail that has them."""
        with self.engine.begin() as connection:
            for table, rows in (
                (assets, written.assets),
                (owners, written.owners),
                (deals, written.deals),
                (tasks, written.tasks),
                (steps, written.steps),
            ):
                if rows:
                    connection.execute(table.insert().prefix_with("OR REPLACE"), list(rows))
            _hand_over(connection, {row["asset"] for row in written.owners})
            _settle(connection, {row["task"] for row in written.steps if row["kind"] in STATES})
            self._save(connection, trail)

    def roll_back(self, block: int, trail: BlockTrail) -> None:
        """Forget every block above ``block``."""
        with self.engine.begin() as connection:
            touched = set(connection.scalars(sql.select(steps.c.task).where(steps.c.block > block)))
            connection.execute(steps.delete().where(steps.c.block > block))
            _settle(connection, touched)  # before tasks go, so that their assets lose the runs
            sold = set(connection.scalars(sql.select(owners.c.asset).where(owners.c.block > block)))
            connection.execute(owners.delete().where(owners.c.block > block))
            _hand_over(connection, sold)
            for table in (assets, deals, tasks):
                connection.execute(table.delete().where(table.c.block > block))
            self._save(connection, trail)

    def start_again(self) -> None:
        """Forget everything: the chain is not the one that was followed."""
        with self.engine.begin() as connection:
            self._forget(connection)

    def close(self) -> None:
        """Close the file."""
        self.engine.dispose()

    def _save(self, connection: sql.Connection, trail: BlockTrail) -> None:
        row = {"one": 1, "genesis": self._genesis, "trail": msgspec.json.encode(trail)}
        connection.execute(progress.insert().prefix_with("OR REPLACE"), row)

    def _forget(self, connection: sql.Connection) -> None:
        for table in META.tables.values():
            connection.execute(table.delete())


def _hand_over(connection: sql.Connection, sold: Iterable[str]) -> None:
    """Set each asset's owner to whom its last event gave it."""
    for asset in sold:
        query = sql.select(owners.c.owner).where(owners.c.asset == asset)
        last = connection.scalar(query.order_by(owners.c.block.desc(), owners.c.position.desc()).limit(1))
        if last is not None:
            connection.execute(assets.update().where(assets.c.address == asset).values(owner=last))


def _settle(connection: sql.Connection, touched: Iterable[str]) -> None:
    """Set each task's state to what its last step makes of it."""
    for task in touched:
        query = sql.select(steps.c.kind, steps.c.time).where(steps.c.task == task, steps.c.kind.in_(STATES))
        last = connection.execute(query.order_by(steps.c.block.desc(), steps.c.position.desc()).limit(1)).one_or_none()
        state = "waiting" if last is None else STATES[last.kind]
        ended = last.time if last is not None and state in {"completed", "refunded"} else None
        _count(connection, task, state)
        connection.execute(tasks.update().where(tasks.c.task == task).values(state=state, ended=ended))


def _count(connection: sql.Connection, task: str, state: str) -> None:
    row = connection.execute(sql.select(tasks).where(tasks.c.task == task)).one_or_none()
    more = 0 if row is None else (state == "completed") - (row.state == "completed")
    if row is not None and more:
        used = assets.c.address.in_({row.app, row.dataset, row.workerpool})
        connection.execute(assets.update().where(used).values(runs=assets.c.runs + more))


def _lay_out(engine: sql.Engine) -> None:
    with engine.begin() as connection:
        if connection.exec_driver_sql("PRAGMA user_version").scalar() != LAYOUT:
            META.drop_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {LAYOUT}")
        META.create_all(connection)


def _configure(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000"):
        connection.execute(f"PRAGMA {pragma}")

"""SQLite copy of the chain for one replica: facts, undo log, block trail and deals.

Each replica has its own; a lost file is rebuilt from the chain.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects.sqlite import insert

from sealgrid.chain.blocks import Block, BlockTrail
from sealgrid.chain.events import OrdersMatched
from sealgrid.market.chain.deals import DEALS, META, DealIndex, add
from sealgrid.market.chain.ledger import Key, LedgerDelta, LedgerUndo, Table, Value

SCHEMA_VERSION: Final = 5  #: of the tables

FACTS: Final = sql.Table(
    "facts",
    META,
    sql.Column("table", sql.String, primary_key=True),
    sql.Column("name", sql.String, primary_key=True),
    sql.Column("value", sql.LargeBinary, nullable=False),
)

UNDO: Final = sql.Table(
    "undo",
    META,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("block", sql.Integer, nullable=False, index=True),
    sql.Column("table", sql.String, nullable=False),
    sql.Column("name", sql.String, nullable=False),
    sql.Column("before", sql.LargeBinary, nullable=False),
)

BLOCKS: Final = sql.Table(
    "blocks",
    META,
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("block", sql.LargeBinary, nullable=False),
)


class MarketChainStore:
    """Stores each step of the follower and its changes in one transaction."""

    def __init__(self, path: Path) -> None:
        self._engine = sql.create_engine(f"sqlite:///{path}")
        # A file of another schema version is emptied: its content is read from the chain again.
        with self._engine.begin() as connection:
            if connection.exec_driver_sql("PRAGMA user_version").scalar() != SCHEMA_VERSION:
                META.drop_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
            META.create_all(connection)
        self.deals = DealIndex(self._engine)

    def trail(self) -> BlockTrail:
        """Return the blocks that were read."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.select(BLOCKS).order_by(BLOCKS.c.number)).all()
        return BlockTrail(tuple(msgspec.json.decode(row.block, type=Block) for row in rows))

    def facts(self) -> dict[Key, Value]:
        """Return the facts at the newest block."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.select(FACTS)).all()
        return {_key(row): cast("Value", _decode_value(row.value)) for row in rows}

    def undo(self) -> tuple[LedgerUndo, ...]:
        """Return the undo log, oldest entry first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.select(UNDO).order_by(UNDO.c.id)).all()
        return tuple(LedgerUndo(row.block, _key(row), _decode_value(row.before)) for row in rows)

    def advance(self, written: LedgerDelta, trail: BlockTrail, matched: Sequence[OrdersMatched] = ()) -> None:
        """Store a step forward with its deals, and drop undo entries older than the trail."""
        with self._engine.begin() as connection:
            add(connection, matched)
            self._write(connection, written.facts)
            undo = [
                {"block": each.block, "table": each.key[0], "name": each.key[1], "before": _encode_value(each.before)}
                for each in written.undo
            ]
            if undo:
                connection.execute(UNDO.insert(), undo)
            connection.execute(UNDO.delete().where(UNDO.c.block <= trail.blocks[0].number))
            _store_trail(connection, trail)

    def roll_back(self, written: LedgerDelta, trail: BlockTrail) -> None:
        """Store a step back."""
        with self._engine.begin() as connection:
            self._write(connection, written.facts)
            for table in (UNDO, DEALS):
                connection.execute(table.delete().where(table.c.block > trail.blocks[-1].number))
            _store_trail(connection, trail)

    def clear(self) -> None:
        """Delete everything: the chain was replaced."""
        with self._engine.begin() as connection:
            for table in META.tables.values():
                connection.execute(table.delete())

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def _write(self, connection: sql.Connection, facts: Mapping[Key, Value | None]) -> None:
        for (table, name), value in facts.items():
            if value is None:
                connection.execute(FACTS.delete().where(FACTS.c.table == table, FACTS.c.name == name))
            else:
                row = {"table": table, "name": name, "value": _encode_value(value)}
                connection.execute(
                    insert(FACTS)
                    .values(row)
                    .on_conflict_do_update(index_elements=["table", "name"], set_={"value": row["value"]})
                )


def _store_trail(connection: sql.Connection, trail: BlockTrail) -> None:
    numbers = [block.number for block in trail.blocks]
    connection.execute(BLOCKS.delete().where(BLOCKS.c.number.not_in(numbers)))
    newest = {"number": trail.blocks[-1].number, "block": msgspec.json.encode(trail.blocks[-1])}
    connection.execute(insert(BLOCKS).values(newest).on_conflict_do_nothing())


def _key(row: sql.Row[Any]) -> Key:
    return msgspec.convert(row.table, Table), row.name


def _encode_value(value: Value | None) -> bytes:
    # Amounts exceed the integers of SQLite and of msgspec's JSON.
    return msgspec.json.encode({"number": str(value)} if isinstance(value, int) else {"text": value})


def _decode_value(raw: bytes) -> Value | None:
    fields = msgspec.json.decode(raw, type=dict[str, str | None])
    return int(cast("str", fields["number"])) if "number" in fields else fields["text"]

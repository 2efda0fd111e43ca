"""What a replica remembers of the chain: facts, how to go back, the blocks it read, and the deals. One SQLite file.

It is a copy of what the chain says, so each replica has its own, and one that is lost is made again from the chain.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects.sqlite import insert

from sealgrid.chain.blocks import Block
from sealgrid.chain.trail import Trail
from sealgrid.market.ledger import Key, Table, Undo, Value, Written

_META: Final = sql.MetaData()
_FACTS: Final = sql.Table(
    "facts",
    _META,
    sql.Column("table", sql.String, primary_key=True),
    sql.Column("name", sql.String, primary_key=True),
    sql.Column("value", sql.LargeBinary, nullable=False),
)
_UNDO: Final = sql.Table(
    "undo",
    _META,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("block", sql.Integer, nullable=False, index=True),
    sql.Column("table", sql.String, nullable=False),
    sql.Column("name", sql.String, nullable=False),
    sql.Column("before", sql.LargeBinary, nullable=False),
)
_BLOCKS: Final = sql.Table(
    "blocks",
    _META,
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("block", sql.LargeBinary, nullable=False),
)


class ChainMemory:
    """Keeps each step of a follower with what it changed, in one transaction."""

    def __init__(self, path: Path) -> None:
        self._engine = sql.create_engine(f"sqlite:///{path}")
        _META.create_all(self._engine)

    def trail(self) -> Trail:
        """Return the blocks that were read."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.select(_BLOCKS).order_by(_BLOCKS.c.number)).all()
        return Trail(tuple(msgspec.json.decode(row.block, type=Block) for row in rows))

    def facts(self) -> dict[Key, Value]:
        """Return the facts at the newest of them."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.select(_FACTS)).all()
        return {_key(row): cast("Value", _value(row.value)) for row in rows}

    def undo(self) -> tuple[Undo, ...]:
        """Return how to go back, the oldest step first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.select(_UNDO).order_by(_UNDO.c.id)).all()
        return tuple(Undo(row.block, _key(row), _value(row.before)) for row in rows)

    def advance(self, written: Written, trail: Trail) -> None:
        """Keep a step forward, and forget how to go back beyond the trail."""
        with self._engine.begin() as connection:
            self._write(connection, written.facts)
            if written.undo:
                connection.execute(_UNDO.insert(), [_undo_row(each) for each in written.undo])
            connection.execute(_UNDO.delete().where(_UNDO.c.block <= trail.blocks[0].number))
            _keep_trail(connection, trail)

    def roll_back(self, written: Written, trail: Trail) -> None:
        """Keep a step back."""
        with self._engine.begin() as connection:
            self._write(connection, written.facts)
            connection.execute(_UNDO.delete().where(_UNDO.c.block > trail.blocks[-1].number))
            _keep_trail(connection, trail)

    def forget(self) -> None:
        """Forget everything: the chain is another one."""
        with self._engine.begin() as connection:
            for table in _META.tables.values():
                connection.execute(table.delete())

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()

    def _write(self, connection: sql.Connection, facts: Mapping[Key, Value | None]) -> None:
        for (table, name), value in facts.items():
            if value is None:
                connection.execute(_FACTS.delete().where(_FACTS.c.table == table, _FACTS.c.name == name))
            else:
                row = {"table": table, "name": name, "value": _bytes(value)}
                connection.execute(
                    insert(_FACTS)
                    .values(row)
                    .on_conflict_do_update(index_elements=["table", "name"], set_={"value": row["value"]})
                )


def _keep_trail(connection: sql.Connection, trail: Trail) -> None:
    numbers = [block.number for block in trail.blocks]
    connection.execute(_BLOCKS.delete().where(_BLOCKS.c.number.not_in(numbers)))
    newest = {"number": trail.blocks[-1].number, "block": msgspec.json.encode(trail.blocks[-1])}
    connection.execute(insert(_BLOCKS).values(newest).on_conflict_do_nothing())


def _undo_row(undo: Undo) -> dict[str, object]:
    table, name = undo.key
    return {"block": undo.block, "table": table, "name": name, "before": _bytes(undo.before)}


def _key(row: sql.Row[Any]) -> Key:
    return msgspec.convert(row.table, Table), row.name


def _bytes(value: Value | None) -> bytes:
    # Amounts are larger than what SQLite, or JSON in msgspec, holds as a number.
    return msgspec.json.encode({"number": str(value)} if isinstance(value, int) else {"text": value})


def _value(raw: bytes) -> Value | None:
    found = msgspec.json.decode(raw, type=dict[str, str | None])
    return int(cast("str", found["number"])) if "number" in found else found["text"]

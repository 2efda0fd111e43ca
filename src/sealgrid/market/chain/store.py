"""What a replica remembers of the chain: facts, how to go back, the blocks it read, and the deals. One SQLite file.

It is a copy of what the chain says, so each replica has its own, and one that is lost is made again from the chain.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects.sqlite import insert

from sealgrid.chain.blocks import Block, BlockTrail
from sealgrid.chain.events import OrdersMatched
from sealgrid.market.chain.deals import DealIndex, add
from sealgrid.market.chain.ledger import Key, LedgerDelta, LedgerUndo, Table, Value
from sealgrid.market.chain.tables import BLOCKS, DEALS, FACTS, META, UNDO

LAYOUT: Final = 5  #: of the tables


class MarketChainStore:
    """Keeps each step of a follower with what it changed, in one transaction."""

    def __init__(self, path: Path) -> None:
        self._engine = sql.create_engine(f"sqlite:///{path}")
        _lay_out(self._engine)
        self.deals = DealIndex(self._engine)

    def trail(self) -> BlockTrail:
        """Return the blocks that were read."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.select(BLOCKS).order_by(BLOCKS.c.number)).all()
        return BlockTrail(tuple(msgspec.json.decode(row.block, type=Block) for row in rows))

    def facts(self) -> dict[Key, Value]:
        """Return the facts at the newest of them."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.select(FACTS)).all()
        return {_key(row): cast("Value", _value(row.value)) for row in rows}

    def undo(self) -> tuple[LedgerUndo, ...]:
        """Return how to go back, the oldest step first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.select(UNDO).order_by(UNDO.c.id)).all()
        return tuple(LedgerUndo(row.block, _key(row), _value(row.before)) for row in rows)

    def advance(self, written: LedgerDelta, trail: BlockTrail, matched: Sequence[OrdersMatched] = ()) -> None:
        """Keep a step forward with the deals in it, and forget how to go back beyond the trail."""
        with self._engine.begin() as connection:
            add(connection, matched)
            self._write(connection, written.facts)
            if written.undo:
                connection.execute(UNDO.insert(), [_undo_row(each) for each in written.undo])
            connection.execute(UNDO.delete().where(UNDO.c.block <= trail.blocks[0].number))
            _keep_trail(connection, trail)

    def roll_back(self, written: LedgerDelta, trail: BlockTrail) -> None:
        """Keep a step back."""
        with self._engine.begin() as connection:
            self._write(connection, written.facts)
            for table in (UNDO, DEALS):
                connection.execute(table.delete().where(table.c.block > trail.blocks[-1].number))
            _keep_trail(connection, trail)

    def forget(self) -> None:
        """Forget everything: the chain is another one."""
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
                row = {"table": table, "name": name, "value": _bytes(value)}
                connection.execute(
                    insert(FACTS)
                    .values(row)
                    .on_conflict_do_update(index_elements=["table", "name"], set_={"value": row["value"]})
                )


def _lay_out(engine: sql.Engine) -> None:
    # A file of another layout is emptied: all of it can be read from the chain again.
    with engine.begin() as connection:
        if connection.exec_driver_sql("PRAGMA user_version").scalar() != LAYOUT:
            META.drop_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {LAYOUT}")
        META.create_all(connection)


def _keep_trail(connection: sql.Connection, trail: BlockTrail) -> None:
    numbers = [block.number for block in trail.blocks]
    connection.execute(BLOCKS.delete().where(BLOCKS.c.number.not_in(numbers)))
    newest = {"number": trail.blocks[-1].number, "block": msgspec.json.encode(trail.blocks[-1])}
    connection.execute(insert(BLOCKS).values(newest).on_conflict_do_nothing())


def _undo_row(undo: LedgerUndo) -> dict[str, object]:
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

"""The pool's database: a snapshot, the events since then in their order, and how far the chain was read."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import sqlalchemy as sql

from sealgrid.chain.blocks import BlockTrail
from sealgrid.pool.events import AnyEvent
from sealgrid.pool.state import StateSnapshot

_META = sql.MetaData()
_EVENTS = sql.Table(
    "events",
    _META,
    sql.Column("seq", sql.Integer, primary_key=True),
    sql.Column("body", sql.LargeBinary, nullable=False),
)
_SNAPSHOT = sql.Table(
    "snapshot",
    _META,
    sql.Column("one", sql.Integer, primary_key=True),
    sql.Column("body", sql.LargeBinary, nullable=False),
)
_TRAIL = sql.Table(
    "trail",
    _META,
    sql.Column("one", sql.Integer, primary_key=True),
    sql.Column("body", sql.LargeBinary, nullable=False),
)


class EventStore:
    """An SQLite file; events are durable when ``append`` returns."""

    def __init__(self, path: Path) -> None:
        self._engine = sql.create_engine(f"sqlite:///{path}")
        sql.event.listen(self._engine, "connect", _durable)
        _META.create_all(self._engine)

    def append(self, events: Sequence[AnyEvent], *, trail: BlockTrail | None = None) -> None:
        """Store events and the blocks that they came from in one transaction."""
        with self._engine.begin() as connection:
            if events:
                connection.execute(_EVENTS.insert(), [{"body": msgspec.json.encode(event)} for event in events])
            if trail is not None:
                row = {"one": 1, "body": msgspec.json.encode(trail)}
                connection.execute(_TRAIL.insert().prefix_with("OR REPLACE"), row)

    def replace_events(self, snapshot: StateSnapshot) -> None:
        """Store a snapshot in place of all events and of the snapshot before."""
        with self._engine.begin() as connection:
            row = {"one": 1, "body": msgspec.json.encode(snapshot)}
            connection.execute(_SNAPSHOT.insert().prefix_with("OR REPLACE"), row)
            connection.execute(_EVENTS.delete())

    def snapshot(self) -> StateSnapshot | None:
        """Return the snapshot from which the events are replayed, or None."""
        with self._engine.connect() as connection:
            body: bytes | None = connection.execute(sql.select(_SNAPSHOT.c.body)).scalar()
            return None if body is None else msgspec.json.decode(body, type=StateSnapshot)

    def replay(self) -> Iterator[AnyEvent]:
        """Yield every event since the snapshot."""
        with self._engine.connect() as connection:
            for row in connection.execute(sql.select(_EVENTS.c.body).order_by(_EVENTS.c.seq)):
                yield msgspec.json.decode(row.body, type=AnyEvent)

    def trail(self) -> BlockTrail | None:
        """Return the blocks that were read, or None on the first start."""
        with self._engine.connect() as connection:
            body: bytes | None = connection.execute(sql.select(_TRAIL.c.body)).scalar()
            return None if body is None else msgspec.json.decode(body, type=BlockTrail)

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _durable(connection: sql.engine.interfaces.DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()

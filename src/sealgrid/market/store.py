"""The market's memory: the orders of the book, in one SQLite file."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import sqlalchemy as sql

from sealgrid.market.book import Exhausted, Listed, Published
from sealgrid.market.kinds import KINDS
from sealgrid.poco.orders import to_document
from sealgrid.units import Address, Digest
from sealgrid.wire.market import Kind

_META = sql.MetaData()
_ORDERS = sql.Table(
    "orders",
    _META,
    sql.Column("order_hash", sql.String(66), primary_key=True),
    sql.Column("kind", sql.String(20), nullable=False),
    sql.Column("document", sql.LargeBinary, nullable=False),
    sql.Column("signer", sql.String(42), nullable=False),
    sql.Column("published", sql.Float, nullable=False),
)


class OrderStore:
    """Keeps what the book lists; what ``keep`` returned from survives a kill."""

    def __init__(self, path: Path) -> None:
        self._engine = sql.create_engine(f"sqlite:///{path}")
        _META.create_all(self._engine)

    def keep(self, event: Published | Exhausted) -> None:
        """Keep one event."""
        with self._engine.begin() as connection:
            match event:
                case Published(listed):
                    connection.execute(_ORDERS.insert().prefix_with("OR IGNORE"), _row(listed))
                case Exhausted(order_hash):
                    connection.execute(_ORDERS.delete().where(_ORDERS.c.order_hash == order_hash))

    def events(self) -> Iterator[Published]:
        """Yield the orders that are listed, oldest first."""
        with self._engine.connect() as connection:
            for row in connection.execute(sql.select(_ORDERS).order_by(_ORDERS.c.published)):
                yield Published(_listed(row))

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _row(listed: Listed) -> dict[str, object]:
    return {
        "order_hash": listed.order_hash,
        "kind": listed.kind,
        "document": msgspec.json.encode(to_document(listed.order)),
        "signer": listed.signer,
        "published": listed.published,
    }


def _listed(row: sql.Row[tuple[str, str, bytes, str, float]]) -> Listed:
    kind = msgspec.convert(row.kind, Kind)
    order = KINDS[kind].read(msgspec.json.decode(row.document, type=dict[str, str]))
    return Listed(
        kind=kind, order_hash=Digest(row.order_hash), order=order, signer=Address(row.signer), published=row.published
    )

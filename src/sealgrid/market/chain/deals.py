"""Stored deals of the hub, with iExec's filters and prices."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sql

from sealgrid.chain.events import OrdersMatched
from sealgrid.chain.views import DealView
from sealgrid.units import DealId

META: Final = sql.MetaData()  #: of one replica's copy of the chain

#: Filterable columns; each has an index over the complete deals.
INDEXED: Final = (
    "category",
    "requester",
    "beneficiary",
    "app",
    "dataset",
    "workerpool",
    "app_owner",
    "dataset_owner",
    "workerpool_owner",
    "app_hash",
    "dataset_hash",
    "workerpool_hash",
    "request_hash",
)
_COMPLETE: Final = sql.text("document IS NOT NULL")

#: The event is stored with its block; the rest is read from the hub afterwards, and only then is a deal visible.
DEALS: Final = sql.Table(
    "deals",
    META,
    sql.Column("deal", sql.String(66), primary_key=True),
    sql.Column("block", sql.Integer, nullable=False, index=True),
    sql.Column("event", sql.LargeBinary, nullable=False),
    sql.Column("document", sql.LargeBinary),  # the JSON of the API; NULL until it was read from the hub
    sql.Column("time", sql.Integer),  # Unix seconds
    sql.Column("volume", sql.String),  # decimal: may exceed SQLite's 64 bits
    sql.Column("pool_price", sql.String),
    sql.Column("category", sql.Integer),
    *(
        sql.Column(name, sql.String(42))
        for name in (
            "requester",
            "beneficiary",
            "app",
            "dataset",
            "workerpool",
            "app_owner",
            "dataset_owner",
            "workerpool_owner",
        )
    ),
    *(sql.Column(name, sql.String(66)) for name in ("app_hash", "dataset_hash", "workerpool_hash", "request_hash")),
    *(sql.Index(f"deals_by_{name}", name, sql.desc("block"), "deal", sqlite_where=_COMPLETE) for name in INDEXED),
    sql.Index("deals_by_block", sql.desc("block"), "deal", sqlite_where=_COMPLETE),
    sql.Index("deals_to_describe", "block", sqlite_where=sql.text("document IS NULL")),
)

MAX_PRICES: Final = 100
#: iExec's name of a filter → our column
FILTERS: Final[Mapping[str, str]] = {
    "category": "category",
    "requester": "requester",
    "beneficiary": "beneficiary",
    "app": "app",
    "dataset": "dataset",
    "workerpool": "workerpool",
    "appOwner": "app_owner",
    "datasetOwner": "dataset_owner",
    "workerpoolOwner": "workerpool_owner",
    "apporderHash": "app_hash",
    "datasetorderHash": "dataset_hash",
    "workerpoolorderHash": "workerpool_hash",
    "requestorderHash": "request_hash",
}
_IS_COMPLETE: Final = DEALS.c.document.is_not(None)  #: the indexes cover only these


class DealPrice(msgspec.Struct, frozen=True):
    """Price of computing in one deal."""

    time: int  #: Unix seconds
    price: int  #: nRLC a task
    volume: int  #: tasks


def add(connection: sql.Connection, matched: Sequence[OrdersMatched]) -> None:
    """Store deal events, in the transaction that stores their blocks."""
    rows = [{"deal": each.deal, "block": each.block_number, "event": msgspec.json.encode(each)} for each in matched]
    if rows:
        connection.execute(DEALS.insert().prefix_with("OR REPLACE"), rows)


class DealIndex:
    """Queries over stored deals; a deal is visible once it is complete."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def incomplete(self) -> list[OrdersMatched]:
        """Return the events of deals that are not complete yet, oldest first."""
        query = sql.select(DEALS.c.event).where(DEALS.c.document.is_(None)).order_by(DEALS.c.block)
        with self._engine.connect() as connection:
            return [msgspec.json.decode(event, type=OrdersMatched) for event in connection.scalars(query)]

    def complete(self, event: OrdersMatched, view: DealView, time: int, document: bytes) -> bool:
        """Store a deal's view and JSON; return False when the deal was rolled back meanwhile."""
        row = {
            "document": document,
            "time": time,
            "volume": str(event.volume),
            "pool_price": str(view.workerpool.price),
            "category": view.category,
            "requester": view.requester,
            "beneficiary": view.beneficiary,
            "app": view.app.pointer,
            "dataset": view.dataset.pointer,
            "workerpool": view.workerpool.pointer,
            "app_owner": view.app.owner,
            "dataset_owner": view.dataset.owner,
            "workerpool_owner": view.workerpool.owner,
            "app_hash": event.app_hash,
            "dataset_hash": event.dataset_hash,
            "workerpool_hash": event.workerpool_hash,
            "request_hash": event.request_hash,
        }
        unchanged = (DEALS.c.deal == event.deal) & (DEALS.c.event == msgspec.json.encode(event))
        with self._engine.begin() as connection:
            return connection.execute(DEALS.update().where(unchanged).values(row)).rowcount > 0

    def find(self, filters: Mapping[str, str | int], *, start: int, size: int) -> tuple[int, list[msgspec.Raw]]:
        """Return the number of matching deals, and ``size`` of them from ``start`` on, the newest first."""
        conditions = [DEALS.c[FILTERS[name]] == value for name, value in filters.items()]
        passing = sql.and_(_IS_COMPLETE, *conditions)
        ordered = sql.select(DEALS.c.document).where(passing).order_by(DEALS.c.block.desc(), DEALS.c.deal)
        with self._engine.connect() as connection:
            count = connection.scalar(sql.select(sql.func.count()).select_from(DEALS).where(passing))
            documents = connection.scalars(ordered.offset(start).limit(size))
            return int(count or 0), [msgspec.Raw(document) for document in documents]

    def get(self, deal: DealId) -> dict[str, Any] | None:
        """Return the JSON of one deal."""
        query = sql.select(DEALS.c.document).where(DEALS.c.deal == deal)
        with self._engine.connect() as connection:
            document = connection.scalar(query)
        return None if document is None else msgspec.json.decode(document, type=dict[str, Any])

    def prices(self, category: int) -> list[DealPrice]:
        """Return the last prices of a category, the newest first, then the cheapest."""
        query = sql.select(DEALS.c.time, DEALS.c.pool_price, DEALS.c.volume).where(
            _IS_COMPLETE, DEALS.c.category == category
        )
        dearer = (sql.func.length(DEALS.c.pool_price), DEALS.c.pool_price)  # decimal text, by its value
        ordered = query.order_by(DEALS.c.block.desc(), *dearer, DEALS.c.deal).limit(MAX_PRICES)
        with self._engine.connect() as connection:
            return [DealPrice(row.time, int(row.pool_price), int(row.volume)) for row in connection.execute(ordered)]

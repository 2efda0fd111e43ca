"""The deals that the chain made of orders, kept with the blocks that hold them, found as iExec's market finds them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sql

from sealgrid.chain.events import OrdersMatched
from sealgrid.chain.views import DealView
from sealgrid.market.chain.tables import DEALS
from sealgrid.units import DealId

MOST_PRICES: Final = 100
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
_SHOWN: Final = DEALS.c.document.is_not(None)  #: the indexes hold these alone


class DealPrice(msgspec.Struct, frozen=True):
    """What computing was sold at in one deal."""

    time: int  #: Unix seconds
    price: int  #: nRLC a task
    volume: int  #: tasks


def add(connection: sql.Connection, matched: Sequence[OrdersMatched]) -> None:
    """Keep deals as the chain announced them, in the transaction that keeps their blocks."""
    rows = [{"deal": each.deal, "block": each.block_number, "event": msgspec.json.encode(each)} for each in matched]
    if rows:
        connection.execute(DEALS.insert().prefix_with("OR REPLACE"), rows)


class DealIndex:
    """Reads them; a deal is found once the hub was asked about it."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def undescribed(self) -> list[OrdersMatched]:
        """Return the deals that the hub is still to be asked about, oldest first."""
        query = sql.select(DEALS.c.event).where(DEALS.c.document.is_(None)).order_by(DEALS.c.block)
        with self._engine.connect() as connection:
            return [msgspec.json.decode(event, type=OrdersMatched) for event in connection.scalars(query)]

    def describe(self, event: OrdersMatched, view: DealView, time: int, document: bytes) -> bool:
        """Keep what the hub said of a deal, and how it is shown; False for one that was rolled back meanwhile."""
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
        here = (DEALS.c.deal == event.deal) & (DEALS.c.event == msgspec.json.encode(event))
        with self._engine.begin() as connection:
            return connection.execute(DEALS.update().where(here).values(row)).rowcount > 0

    def find(self, filters: Mapping[str, str | int], *, start: int, size: int) -> tuple[int, list[msgspec.Raw]]:
        """Return how many deals pass, and some of them from ``start`` on, the newest first."""
        chosen = [DEALS.c[FILTERS[name]] == value for name, value in filters.items()]
        passing = sql.and_(_SHOWN, *chosen)
        ordered = sql.select(DEALS.c.document).where(passing).order_by(DEALS.c.block.desc(), DEALS.c.deal)
        with self._engine.connect() as connection:
            count = connection.scalar(sql.select(sql.func.count()).select_from(DEALS).where(passing))
            found = connection.scalars(ordered.offset(start).limit(size))
            return int(count or 0), [msgspec.Raw(document) for document in found]

    def get(self, deal: DealId) -> dict[str, Any] | None:
        """Return one deal as it is shown."""
        query = sql.select(DEALS.c.document).where(DEALS.c.deal == deal)
        with self._engine.connect() as connection:
            document = connection.scalar(query)
        return None if document is None else msgspec.json.decode(document, type=dict[str, Any])

    def prices(self, category: int) -> list[DealPrice]:
        """Return what computing in a category was last sold at, the newest first, then the cheapest."""
        query = sql.select(DEALS.c.time, DEALS.c.pool_price, DEALS.c.volume).where(_SHOWN, DEALS.c.category == category)
        dearer = (sql.func.length(DEALS.c.pool_price), DEALS.c.pool_price)  # decimal text, by its value
        ordered = query.order_by(DEALS.c.block.desc(), *dearer, DEALS.c.deal).limit(MOST_PRICES)
        with self._engine.connect() as connection:
            return [DealPrice(row.time, int(row.pool_price), int(row.volume)) for row in connection.execute(ordered)]

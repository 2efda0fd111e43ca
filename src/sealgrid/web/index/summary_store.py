"""Which assets a list cannot describe yet, and the summaries and prices of the others, in the index's file."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import sqlalchemy as sql

from sealgrid.units import Address
from sealgrid.web.index.indexer import MAX_INTEGER
from sealgrid.web.index.summaries import AssetSummary
from sealgrid.web.index.tables import assets, summaries

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 5, 24 * 3600  #: each wait is twice the one before
PRICED: Final = ("App", "Dataset")
_UNKNOWN: Final = summaries.c.address.is_(None)
_JOINED: Final = assets.outerjoin(summaries, summaries.c.address == assets.c.address)
Rows = Sequence[sql.Row[Any]]


class SummaryStore:
    """Reads and writes the summaries."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def due(self, now: int, limit: int) -> Rows:
        """Return assets to read: those without a summary or with another owner, and failed reads after their wait."""
        changed = summaries.c.reader_owner != assets.c.owner
        query: sql.Select[Any] = sql.select(assets, summaries.c.tries).select_from(_JOINED)
        query = query.where(assets.c.kind.in_(PRICED), _UNKNOWN | changed | (summaries.c.due <= now))
        with self._engine.connect() as connection:
            return connection.execute(query.order_by(summaries.c.due, assets.c.block.desc()).limit(limit)).all()

    def write(self, asset: sql.Row[Any], summary: AssetSummary, *, due: int | None = None) -> None:
        """Store what an asset's file says; ``due`` is when to read it again, Unix seconds."""
        row = asdict(summary) | {"tags": " ".join(f"#{tag}" for tag in summary.tags)}
        row |= {"searched": f"{asset.name.casefold()} {summary.searched}", "tries": 0, "due": due}
        self._put(asset, row)

    def postpone(self, asset: sql.Row[Any], now: int) -> None:
        """Forget what an asset's file said, which cannot be read now; the next try is later each time."""
        tries = asset.tries or 0
        wait = min(FIRST_RETRY_SECONDS << min(tries, 20), LAST_RETRY_SECONDS)
        empty = asdict(AssetSummary()) | {"tags": "", "searched": asset.name.casefold()}
        self._put(asset, empty | {"tries": tries + 1, "due": now + wait})

    def oldest_prices(self, before: int, limit: int) -> Rows:
        """Return assets whose offers were last read before a time, the longest ago first."""
        query: sql.Select[Any] = sql.select(assets.c.address, assets.c.kind, assets.c.owner).join(
            summaries, summaries.c.address == assets.c.address
        )
        query = query.where(summaries.c.price_read < before).order_by(summaries.c.price_read).limit(limit)
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def set_price(
        self, address: Address, price: int | None, app: Address | None, now: int, *, ends: int | None = None
    ) -> None:
        """Store an asset's cheapest offer, nRLC, and the end of its policy.

        A model without a format of its own gets that of the offer's app.
        """
        of_app = sql.select(summaries.c.format).where(summaries.c.address == app).scalar_subquery()
        own = summaries.alias()
        has_format = sql.select(own.c.format).where(own.c.address == address).scalar_subquery() != ""
        row = {
            "price": None if price is None else min(price, MAX_INTEGER),
            "app": app,
            "price_read": now,
            "ends": None if ends is None else min(ends, MAX_INTEGER),
            "format": sql.case((has_format, summaries.c.format), else_=sql.func.coalesce(of_app, "")),
        }
        with self._engine.begin() as connection:
            connection.execute(summaries.update().where(summaries.c.address == address).values(row))

    def keep_price(self, address: Address, now: int) -> None:
        """Note that an asset's offers could not be read, and keep what is known of them."""
        with self._engine.begin() as connection:
            connection.execute(summaries.update().where(summaries.c.address == address).values(price_read=now))

    def _put(self, asset: sql.Row[Any], row: dict[str, Any]) -> None:
        known = summaries.c.address == asset.address
        values = row | {"reader_owner": asset.owner}
        with self._engine.begin() as connection:
            if not connection.execute(summaries.update().where(known).values(values)).rowcount:
                connection.execute(summaries.insert().values(values | {"address": asset.address}))

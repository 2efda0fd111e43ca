"""Stored deals: every query is served by an index, and prices are sorted."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from sealgrid.market.chain.deals import DEALS, FILTERS, DealPrice
from sealgrid.market.chain.store import MarketChainStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MarketChainStore]:
    with closing(MarketChainStore(tmp_path / "chain.sqlite")) as opened:
        yield opened


@pytest.mark.parametrize("name", ["", *FILTERS])
def test_no_query_scans_all_deals(store: MarketChainStore, name: str) -> None:
    statements: list[tuple[str, Any]] = []
    engine = store.deals._engine

    def listen(connection: Any, cursor: Any, statement: str, parameters: Any, *_: object) -> None:
        statements.append((statement, parameters))

    sql.event.listen(engine, "before_cursor_execute", listen)
    store.deals.find({name: 1 if name == "category" else "0x12"} if name else {}, start=0, size=20)
    sql.event.remove(engine, "before_cursor_execute", listen)
    with engine.connect() as connection:
        for statement, parameters in statements:
            plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            assert len(plan) == 1, plan  # nothing is sorted
            # Each of these indexes has all complete deals: SQLite may count them in any.
            any_will_do = not name and "ORDER BY" not in statement
            assert f"INDEX deals_by_{'' if any_will_do else FILTERS.get(name, 'block')}" in plan[0]
    assert len(statements) == 2


def test_prices_are_sorted_newest_first_then_cheapest_first(
    store: MarketChainStore,
) -> None:
    sold = [(1, 7), (2, 10), (2, 9), (2, 10**30), (3, 8)]
    rows = [
        {
            "deal": f"0x{n}",
            "block": block,
            "event": b"",
            "document": b"{}",
            "category": 0,
            "time": block,
            "volume": "1",
            "pool_price": str(price),
        }
        for n, (block, price) in enumerate(sold)
    ]
    with store._engine.begin() as connection:
        connection.execute(DEALS.insert(), rows)
    prices = [(each.time, each.price) for each in store.deals.prices(0)]
    assert prices == [(3, 8), (2, 9), (2, 10), (2, 10**30), (1, 7)]
    assert store.deals.prices(0)[0] == DealPrice(3, 8, 1)

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sealgrid.market.chain.deals import DEALS, DealPrice
from sealgrid.market.chain.store import MarketChainStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MarketChainStore]:
    with closing(MarketChainStore(tmp_path / "chain.sqlite")) as opened:
        yield opened


def test_prices_come_newest_first_and_within_a_block_cheapest_first_whatever_their_length(
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
    told = [(price.time, price.price) for price in store.deals.prices(0)]
    assert told == [(3, 8), (2, 9), (2, 10), (2, 10**30), (1, 7)]
    assert store.deals.prices(0)[0] == DealPrice(3, 8, 1)

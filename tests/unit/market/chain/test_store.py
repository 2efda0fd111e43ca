"""The stored copy of the chain: equal to the ledger after any steps, and emptied for another schema."""

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.chain.blocks import Block, BlockTrail
from sealgrid.market.chain import store as stores
from sealgrid.market.chain.ledger import ChainLedger
from sealgrid.market.chain.store import MarketChainStore
from sealgrid.units import ZERO_DIGEST
from tests.unit.market.market_orders import REGISTRIES, at_height, hash_of, hub_events, order_closed

blocks = st.lists(st.lists(hub_events, max_size=4), min_size=1, max_size=6)


@settings(max_examples=20)  # each writes a file
@given(blocks, st.data())
def test_the_stored_facts_and_undo_log_equal_the_ledgers(
    tmp_path_factory: pytest.TempPathFactory, chain: list[list], data: st.DataObject
) -> None:
    path: Path = tmp_path_factory.mktemp("market") / "chain.sqlite"
    ledger, trail = ChainLedger(REGISTRIES), BlockTrail((block(0),))
    with closing(MarketChainStore(path)) as store:  # hypothesis may abandon an example at any draw
        for number, events in enumerate(chain, start=1):
            trail = trail.append(block(number))
            store.advance(ledger.apply(at_height(events, number)), trail)
        if data.draw(st.booleans()):
            back_to = data.draw(st.integers(0, len(chain)))
            trail = trail.truncate(block(back_to))
            store.roll_back(ledger.roll_back(back_to), trail)
    again = MarketChainStore(path)
    assert (again.facts(), again.undo()) == (ledger._facts, tuple(ledger._undo))
    assert again.trail().tip == trail.tip
    again.clear()
    assert (again.facts(), again.undo(), again.trail()) == ({}, (), BlockTrail())
    again.close()


def test_a_file_of_another_schema_version_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = ChainLedger(REGISTRIES)
    with closing(MarketChainStore(tmp_path / "chain.sqlite")) as store:
        store.advance(ledger.apply(at_height([order_closed(1)], 0)), BlockTrail((block(0),)))
    monkeypatch.setattr(stores, "SCHEMA_VERSION", stores.SCHEMA_VERSION + 1)
    with closing(MarketChainStore(tmp_path / "chain.sqlite")) as store:
        assert (store.facts(), store.trail()) == ({}, BlockTrail())


def block(number: int) -> Block:
    return Block(
        number=number, hash=hash_of(number), parent=hash_of(number - 1) if number else ZERO_DIGEST, timestamp=0
    )

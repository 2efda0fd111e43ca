from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given as given_examples
from hypothesis import strategies as st

from sealgrid.chain.blocks import Block, BlockTrail
from sealgrid.chain.events import CategoryCreated
from sealgrid.market.chain.ledger import CLOSED, ChainLedger
from sealgrid.market.chain.store import MarketChainStore
from sealgrid.units import ZERO_ADDRESS, ZERO_DIGEST, to_address
from tests.unit.market.market_orders import (
    ANNA,
    APP,
    BERT,
    MODEL,
    REGISTRIES,
    closed,
    given,
    happenings,
    matched,
    name_of,
    paid,
    place,
)


def test_the_last_holder_of_an_nft_owns_the_asset_in_its_own_registry_only() -> None:
    ledger = ChainLedger(REGISTRIES)
    ledger.apply([given(APP, ANNA), given(MODEL, ANNA), given(APP, BERT)])
    assert (ledger.owner("App", APP), ledger.owner("Dataset", MODEL)) == (BERT, ANNA)
    assert ledger.owner("Dataset", APP) is None


def test_nfts_of_other_contracts_are_not_assets() -> None:
    ledger = ChainLedger({to_address(b"\x77" * 20): "App"})
    ledger.apply([given(APP, ANNA)])
    assert ledger.owner("App", APP) is None


def test_money_comes_from_nowhere_by_deposit_and_goes_there_by_withdrawal() -> None:
    ledger = ChainLedger(REGISTRIES)
    ledger.apply([paid(ZERO_ADDRESS, ANNA, 10), paid(ANNA, BERT, 4), paid(BERT, ZERO_ADDRESS, 1), paid(ANNA, ANNA, 6)])
    assert (ledger.stake(ANNA), ledger.stake(BERT), ledger.stake(ZERO_ADDRESS)) == (6, 3, 0)


def test_deals_use_up_all_their_orders_and_a_deal_without_dataset_only_three() -> None:
    ledger = ChainLedger(REGISTRIES)
    ledger.apply([matched(1, 2, 3, 4, volume=2), matched(1, 0, 3, 5, volume=1)])
    assert [ledger.consumed(name_of(number)) for number in (1, 2, 3, 4, 5)] == [3, 2, 3, 2, 1]
    assert ledger.consumed(ZERO_DIGEST) == 0


def test_a_cancelled_order_is_used_up_whatever_its_volume() -> None:
    ledger = ChainLedger(REGISTRIES)
    ledger.apply([closed(1)])
    assert ledger.consumed(name_of(1)) == CLOSED > 2**256 - 1


def test_categories_stand_under_their_number() -> None:
    ledger = ChainLedger(REGISTRIES)
    made = [CategoryCreated(category=n, name=f"C{n}", description="{}", timeref=n, **place(1)) for n in range(12)]
    ledger.apply(made)
    told = ledger.categories()
    assert [each.name for each in told] == [f"C{n}" for n in range(12)]
    assert told[11] == ledger.category(11)
    assert (told[11].timeref, told[11].block, told[11].transaction) == (11, 1, made[11].transaction)
    assert ledger.category(12) is None


blocks = st.lists(st.lists(happenings, max_size=4), min_size=1, max_size=6)


def dated(events: list, block: int) -> list:
    import msgspec

    return [msgspec.structs.replace(event, block_number=block) for event in events]


@given_examples(blocks, st.data())
def test_going_back_to_a_block_is_as_if_the_later_ones_never_were(chain: list[list], data: st.DataObject) -> None:
    back_to = data.draw(st.integers(0, len(chain)))
    ledger, early = ChainLedger(REGISTRIES), ChainLedger(REGISTRIES)
    for number, events in enumerate(chain, start=1):
        ledger.apply(dated(events, number))
        if number <= back_to:
            early.apply(dated(events, number))
    ledger.roll_back(back_to)
    assert ledger._facts == early._facts


@given_examples(blocks, st.data())
def test_what_was_kept_is_the_same_ledger_again_with_its_way_back(
    tmp_path_factory: pytest.TempPathFactory, chain: list[list], data: st.DataObject
) -> None:
    path: Path = tmp_path_factory.mktemp("market") / "chain.sqlite"
    ledger, trail = ChainLedger(REGISTRIES), BlockTrail((block(0),))
    with closing(MarketChainStore(path)) as store:  # hypothesis may give an example up wherever it draws
        for number, events in enumerate(chain, start=1):
            trail = trail.append(block(number))
            store.advance(ledger.apply(dated(events, number)), trail)
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


def test_what_can_never_be_taken_back_is_forgotten() -> None:
    ledger = ChainLedger(REGISTRIES)
    for number in (1, 2, 3):
        ledger.apply(dated([closed(number)], number))
    ledger.settle(2)
    ledger.roll_back(0)
    assert [ledger.consumed(name_of(number)) for number in (1, 2, 3)] == [CLOSED, CLOSED, 0]


def block(number: int) -> Block:
    return Block(
        number=number, hash=name_of(number), parent=name_of(number - 1) if number else ZERO_DIGEST, timestamp=0
    )

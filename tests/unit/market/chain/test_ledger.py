"""The ledger: facts after events, and reorganisations."""

from hypothesis import given
from hypothesis import strategies as st

from sealgrid.chain.events import CategoryCreated
from sealgrid.market.chain.ledger import CLOSED, ChainLedger
from sealgrid.units import ZERO_ADDRESS, ZERO_DIGEST, to_address
from tests.unit.market.market_orders import (
    ANNA,
    APP,
    BERT,
    MODEL,
    REGISTRIES,
    asset_transferred,
    at_block,
    at_height,
    escrow_transferred,
    hash_of,
    hub_events,
    order_closed,
    orders_matched,
)


def test_the_last_receiver_of_an_nft_owns_the_asset_in_its_own_registry_only() -> None:
    ledger = ChainLedger(REGISTRIES)
    ledger.apply([asset_transferred(APP, ANNA), asset_transferred(MODEL, ANNA), asset_transferred(APP, BERT)])
    assert (ledger.owner("App", APP), ledger.owner("Dataset", MODEL)) == (BERT, ANNA)
    assert ledger.owner("Dataset", APP) is None


def test_nfts_of_other_contracts_are_not_assets() -> None:
    ledger = ChainLedger({to_address(b"\x77" * 20): "App"})
    ledger.apply([asset_transferred(APP, ANNA)])
    assert ledger.owner("App", APP) is None


def test_deposits_come_from_the_zero_address_and_withdrawals_go_to_it() -> None:
    ledger = ChainLedger(REGISTRIES)
    ledger.apply(
        [
            escrow_transferred(ZERO_ADDRESS, ANNA, 10),
            escrow_transferred(ANNA, BERT, 4),
            escrow_transferred(BERT, ZERO_ADDRESS, 1),
            escrow_transferred(ANNA, ANNA, 6),
        ]
    )
    assert (ledger.stake(ANNA), ledger.stake(BERT), ledger.stake(ZERO_ADDRESS)) == (6, 3, 0)


def test_deals_use_up_all_their_orders_and_a_deal_without_dataset_only_three() -> None:
    ledger = ChainLedger(REGISTRIES)
    ledger.apply([orders_matched(1, 2, 3, 4, volume=2), orders_matched(1, 0, 3, 5, volume=1)])
    assert [ledger.consumed(hash_of(number)) for number in (1, 2, 3, 4, 5)] == [3, 2, 3, 2, 1]
    assert ledger.consumed(ZERO_DIGEST) == 0


def test_a_cancelled_order_is_used_up_whatever_its_volume() -> None:
    ledger = ChainLedger(REGISTRIES)
    ledger.apply([order_closed(1)])
    assert ledger.consumed(hash_of(1)) == CLOSED > 2**256 - 1


def test_categories_have_their_numbers() -> None:
    ledger = ChainLedger(REGISTRIES)
    created = [CategoryCreated(category=n, name=f"C{n}", description="{}", timeref=n, **at_block(1)) for n in range(12)]
    ledger.apply(created)
    categories = ledger.categories()
    assert [each.name for each in categories] == [f"C{n}" for n in range(12)]
    assert categories[11] == ledger.category(11)
    assert (categories[11].timeref, categories[11].block, categories[11].transaction) == (
        11,
        1,
        created[11].transaction,
    )
    assert ledger.category(12) is None


blocks = st.lists(st.lists(hub_events, max_size=4), min_size=1, max_size=6)


@given(blocks, st.data())
def test_a_rollback_to_a_block_equals_a_ledger_without_the_later_blocks(chain: list[list], data: st.DataObject) -> None:
    back_to = data.draw(st.integers(0, len(chain)))
    ledger, early = ChainLedger(REGISTRIES), ChainLedger(REGISTRIES)
    for number, events in enumerate(chain, start=1):
        ledger.apply(at_height(events, number))
        if number <= back_to:
            early.apply(at_height(events, number))
    ledger.roll_back(back_to)
    assert ledger._facts == early._facts


def test_settled_blocks_are_not_rolled_back() -> None:
    ledger = ChainLedger(REGISTRIES)
    for number in (1, 2, 3):
        ledger.apply(at_height([order_closed(number)], number))
    ledger.settle(2)
    ledger.roll_back(0)
    assert [ledger.consumed(hash_of(number)) for number in (1, 2, 3)] == [CLOSED, CLOSED, 0]

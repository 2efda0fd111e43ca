"""The follower against a chain that really reorganises: anvil's snapshots take blocks away."""

import asyncio
from contextlib import suppress

import pytest

from sealgrid.chain.anvil import revert, snapshot
from sealgrid.chain.blocks import BlockTrail
from sealgrid.chain.events import HubEvent, OrdersMatched, TaskInitialize
from sealgrid.chain.follower import BlocksApplied, BlocksRolledBack, HubFollower
from sealgrid.chain.new_blocks import NewBlocks
from sealgrid.errors import ChainError
from tests.contracts.scene import Market

pytestmark = pytest.mark.chain


class Ledger:
    """What a service does with changes: keep events, and forget those of vanished blocks."""

    def __init__(self) -> None:
        self.events: list[HubEvent] = []
        self.rollbacks = 0

    async def catch_up(self, follower: HubFollower) -> "Ledger":
        while change := await follower.step():
            if isinstance(change, BlocksRolledBack):
                self.rollbacks += 1
                self.events = [event for event in self.events if event.block_number <= change.block.number]
            else:
                self.events += change.events
        return self

    def of(self, kind: type[HubEvent]) -> list[HubEvent]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def follower(market: Market) -> HubFollower:
    return HubFollower(market.hub)


async def test_everything_since_the_beginning_is_events_once(market: Market, follower: HubFollower) -> None:
    ledger = await Ledger().catch_up(follower)
    deal = await market.deal()
    task = await market.hub.initialize(market.wallet("pool"), deal, 0)
    await ledger.catch_up(follower)
    assert [event.deal for event in ledger.of(OrdersMatched)] == [deal]
    assert [event.task for event in ledger.of(TaskInitialize)] == [task]
    assert await follower.step() is None


async def test_a_block_that_vanishes_is_rolled_back_and_its_successor_applied(
    market: Market, follower: HubFollower
) -> None:
    ledger = await Ledger().catch_up(follower)
    fork = await snapshot(market.node)
    await market.deal()
    await ledger.catch_up(follower)
    assert len(ledger.of(OrdersMatched)) == 1
    await revert(market.node, fork)
    await market.node.rpc("evm_increaseTime", 5)
    deal = await market.deal()
    await ledger.catch_up(follower)
    assert [event.deal for event in ledger.of(OrdersMatched)] == [deal]
    assert ledger.rollbacks == 1
    assert ledger.events == (await Ledger().catch_up(HubFollower(market.hub))).events


async def test_blocks_that_vanish_without_successors_are_rolled_back(market: Market, follower: HubFollower) -> None:
    ledger = await Ledger().catch_up(follower)
    events = list(ledger.events)
    fork = await snapshot(market.node)
    await market.hub.initialize(market.wallet("pool"), await market.deal(), 0)
    await ledger.catch_up(follower)
    await revert(market.node, fork)
    assert (await ledger.catch_up(follower)).events == events


async def test_a_saved_trail_goes_on_where_it_ended(market: Market, follower: HubFollower) -> None:
    await Ledger().catch_up(follower)
    resumed = HubFollower(market.hub, follower.trail)
    assert await resumed.step() is None
    deal = await market.deal()
    change = await resumed.step()
    assert isinstance(change, BlocksApplied)
    assert [event.deal for event in change.events if isinstance(event, OrdersMatched)] == [deal]


async def test_another_chain_is_noticed(market: Market, follower: HubFollower) -> None:
    await Ledger().catch_up(follower)
    alien = follower.trail.blocks[-1]
    foreign = type(alien)(alien.number, alien.parent, alien.hash, alien.timestamp)
    with pytest.raises(ChainError, match="wiped or replaced"):
        await HubFollower(market.hub, BlockTrail((foreign,))).step()


async def test_a_deeper_follower_waits_for_confirmations(market: Market) -> None:
    patient = HubFollower(market.hub, depth=3)
    ledger = await Ledger().catch_up(patient)
    await market.deal()
    assert (await ledger.catch_up(patient)).of(OrdersMatched) == []
    await market.node.rpc("anvil_mine", "0x2")
    assert len((await ledger.catch_up(patient)).of(OrdersMatched)) == 1


async def test_a_node_announces_its_blocks_to_a_reader_that_waits(market: Market) -> None:
    announcements = NewBlocks(market.node.url)
    listening = asyncio.create_task(announcements.run())
    await announcements.wait(3600)  # the subscription begins
    waiting = asyncio.create_task(announcements.wait(3600))
    await market.deal()
    await waiting
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening

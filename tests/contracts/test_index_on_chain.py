"""The chain index over a real hub: hostile deals, names and reorganisations never stop it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import revert, snapshot
from sealgrid.chain.hub import Hub
from sealgrid.chain.new_blocks import NewBlocks
from sealgrid.chain.views import DealView
from sealgrid.errors import ServiceUnavailable
from sealgrid.poco.orders import NO_DATASET_ORDER
from sealgrid.units import ZERO_ADDRESS, DealId, Digest
from sealgrid.web.index.indexer import ChainIndexer
from sealgrid.web.index.reader import IndexReader, TaskFilter
from sealgrid.web.index.store import IndexStore
from tests.contracts.scene import Market

pytestmark = pytest.mark.chain


@pytest.fixture
async def store(market: Market, tmp_path: Path) -> AsyncIterator[IndexStore]:
    opened = IndexStore(tmp_path / "index", market.deployment.genesis)
    yield opened
    opened.close()


async def index_all(indexer: ChainIndexer) -> None:
    while await indexer.step():
        pass


async def free_deal(market: Market, tasks: int) -> DealId:
    """Match a deal without price; the pool's order has the largest volume."""
    category, endless = market.deployment.categories["XS"], 2**256 - 1
    return await market.hub.match_orders(
        market.wallet("requester"),
        market.app_order(appprice=0, volume=endless),
        NO_DATASET_ORDER,
        market.pool_order(category=category, workerpoolprice=0, volume=endless),
        market.request(dataset=ZERO_ADDRESS, category=category, volume=tasks, salt=f"0x{tasks:064x}"),
    )


async def test_a_free_deal_with_more_tasks_than_sqlite_counts_does_not_stop_the_index(
    market: Market, store: IndexStore
) -> None:
    for tasks in (1 << 200, 2):  # the second one begins where the first one ended
        await free_deal(market, tasks)
    paid = await market.deal()
    await index_all(ChainIndexer(market.hub, store, NewBlocks(market.node.url)))
    assert {row.deal for row in IndexReader(store.engine).tasks(TaskFilter({"dataset": market.dataset}))} == {paid}


async def test_a_reorganised_transfer_restores_the_previous_owner(market: Market, store: IndexStore) -> None:
    indexer, index = ChainIndexer(market.hub, store, NewBlocks(market.node.url)), IndexReader(store.engine)
    await index_all(indexer)
    before = await snapshot(market.node)
    buyer = development_key("stranger").address
    await market.assets.transfer(market.wallet("owner"), "Dataset", market.dataset, buyer)
    await index_all(indexer)
    transferred = index.asset(market.dataset)
    await revert(market.node, before)
    await market.node.rpc("anvil_mine", hex(2))
    await index_all(indexer)
    restored = index.asset(market.dataset)
    assert (transferred and transferred.owner, restored and restored.owner) == (buyer, development_key("owner").address)


class FlakyHub(Hub):
    """A hub whose first read of a deal fails."""

    has_failed = False

    async def view_deal(self, deal: DealId, *, at: Digest | None = None) -> DealView:
        if not self.has_failed:
            self.has_failed = True
            raise ServiceUnavailable("the chain's node does not answer.")
        return await super().view_deal(deal, at=at)


async def test_a_deal_that_could_not_be_read_at_first_is_indexed_later(
    market: Market, store: IndexStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sealgrid.web.index.indexer.RETRY_SECONDS", 0.01)
    deal, index = await market.deal(), IndexReader(store.engine)
    following = asyncio.create_task(
        ChainIndexer(FlakyHub(market.node, market.hub.address), store, NewBlocks(market.node.url)).run(
            poll_seconds=0.01
        )
    )
    head = (await market.node.block()).number
    async with asyncio.timeout(60):
        while index.height() < head and not following.done():
            await asyncio.sleep(0.01)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    assert {row.deal for row in index.tasks(TaskFilter())} == {deal}

"""The index of the pages over a real hub: what strangers may do there, and what becomes of a chain, never stops it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import revert, snapshot
from sealgrid.chain.hub import Hub
from sealgrid.chain.views import DealView
from sealgrid.errors import ServiceUnavailable
from sealgrid.poco.orders import NO_DATASET_ORDER
from sealgrid.units import ZERO_ADDRESS, DealId, Digest
from sealgrid.web.index.index import IndexReader, TaskFilter
from sealgrid.web.index.indexer import ChainIndexer
from sealgrid.web.index.store import IndexStore
from tests.contracts.scene import Market

pytestmark = pytest.mark.chain


@pytest.fixture
async def store(market: Market, tmp_path: Path) -> AsyncIterator[IndexStore]:
    opened = IndexStore(tmp_path / "index", market.deployment.genesis)
    yield opened
    opened.close()


async def catch_up(indexer: ChainIndexer) -> None:
    while await indexer.step():
        pass


async def free_deal(market: Market, tasks: int) -> DealId:
    """Match a deal in which nobody pays anything; its pool sells without end."""
    category, endless = market.deployment.categories["XS"], 2**256 - 1
    return await market.hub.match_orders(
        market.wallet("requester"),
        market.app_order(appprice=0, volume=endless),
        NO_DATASET_ORDER,
        market.pool_order(category=category, workerpoolprice=0, volume=endless),
        market.request(dataset=ZERO_ADDRESS, category=category, volume=tasks, salt=f"0x{tasks:064x}"),
    )


async def test_a_free_deal_of_more_tasks_than_a_table_counts_stops_no_index(market: Market, store: IndexStore) -> None:
    for tasks in (1 << 200, 2):  # the second one begins where the first one ended
        await free_deal(market, tasks)
    paid = await market.deal()
    await catch_up(ChainIndexer(market.hub, store))
    assert {row.deal for row in IndexReader(store.engine).tasks(TaskFilter({"dataset": market.dataset}))} == {paid}


async def test_an_asset_is_its_old_owners_again_when_its_sale_is_taken_back(market: Market, store: IndexStore) -> None:
    indexer, index = ChainIndexer(market.hub, store), IndexReader(store.engine)
    await catch_up(indexer)
    before = await snapshot(market.node)
    buyer = development_key("stranger").address
    await market.assets.transfer(market.wallet("owner"), "Dataset", market.dataset, buyer)
    await catch_up(indexer)
    sold = index.asset(market.dataset)
    await revert(market.node, before)
    await market.node.rpc("anvil_mine", hex(2))
    await catch_up(indexer)
    kept = index.asset(market.dataset)
    assert (sold and sold.owner, kept and kept.owner) == (buyer, development_key("owner").address)


class AwayOnce(Hub):
    """A hub whose node goes away once, just as a deal is read."""

    was_away = False

    async def view_deal(self, deal: DealId, *, at: Digest | None = None) -> DealView:
        if not self.was_away:
            self.was_away = True
            raise ServiceUnavailable("the chain's node does not answer.")
        return await super().view_deal(deal, at=at)


async def test_what_a_node_kept_back_for_a_moment_is_not_missing_from_the_index(
    market: Market, store: IndexStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sealgrid.web.index.indexer.PAUSE_SECONDS", 0.01)
    deal, index = await market.deal(), IndexReader(store.engine)
    following = asyncio.create_task(ChainIndexer(AwayOnce(market.node, market.hub.address), store).run(every=0.01))
    head = (await market.node.block()).number
    async with asyncio.timeout(60):
        while index.height() < head and not following.done():
            await asyncio.sleep(0.01)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    assert {row.deal for row in index.tasks(TaskFilter())} == {deal}

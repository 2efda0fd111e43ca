"""Effects of the chain on orders: use, cancellation, sale, deposits and withdrawals, and their reorganisation."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec
import pytest

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig, revert, snapshot
from sealgrid.chain.node import Node
from sealgrid.errors import InputRefused, OrderRefused
from sealgrid.market.api import application
from sealgrid.market.config import MarketConfig
from sealgrid.market.runner import open_service
from sealgrid.market.service import OrderService
from sealgrid.poco.orders import AppOrder, to_document
from sealgrid.poco.typed_data import order_hash
from sealgrid.units import ZERO_ADDRESS, to_digest
from tests.contracts.scene import CACHE, DATASET_PRICE, POOL_PRICE, Market, local_market, open_market
from tests.integration.market.traders import Traders

pytestmark = pytest.mark.chain


async def test_an_order_shows_what_the_chain_left_of_it_and_vanishes_with_its_last_use(
    scene: Market, traders: Traders
) -> None:
    for order in (scene.app_order(), scene.dataset_order()):
        await traders.publish(order)
    request = scene.request(volume=2)
    name = await traders.publish(request)
    await scene.deal()
    await traders.sync_with_chain()
    assert [each.left for each in await traders.apps()] == [998]
    assert await traders.requests() == ()
    assert await traders.status(request, name) == "filled"


async def test_an_answer_contains_the_block_of_a_transaction_that_the_client_has_seen(
    scene: Market, traders: Traders, http: httpx.AsyncClient
) -> None:
    for order in (scene.app_order(), scene.dataset_order()):
        await traders.publish(order)
    request = scene.request(volume=2)
    name = await traders.publish(request)
    deal = await scene.deal()  # returns with the receipt; this market polls once an hour
    assert [each.left for each in await traders.apps()] == [998]
    assert await traders.status(request, name) == "filled"
    found = (await http.get(f"/deals?chainId=31337&requestorderHash={name}")).json()
    assert [each["dealid"] for each in found["deals"]] == [deal]
    assert (await http.get(f"/deals/{deal}?chainId=31337")).json()["requestHash"] == name


async def test_an_order_that_was_used_up_in_the_newest_block_is_not_published(scene: Market, traders: Traders) -> None:
    for order in (scene.app_order(), scene.dataset_order()):
        await traders.publish(order)
    await scene.deal()
    with pytest.raises(OrderRefused, match="order already consumed") as caught:
        await traders.publish(scene.request(volume=2))
    assert caught.value.check == "used-up"


async def test_a_node_that_hangs_delays_an_answer_by_seconds_only(
    service: OrderService, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sealgrid.market.service._HEAD_SECONDS", 0.01)
    monkeypatch.setattr(service.chain, "catch_up", asyncio.Event().wait)
    answer = await http.get("/apporders?chainId=31337&app=any")
    assert (answer.status_code, answer.json()["count"]) == (200, 0)
    assert "did not return its head" in caplog.text


async def test_a_cancelled_order_is_not_offered(scene: Market, traders: Traders) -> None:
    order = scene.app_order()
    name = await traders.publish(order)
    await scene.hub.cancel(scene.wallet("developer"), order)
    await traders.sync_with_chain()
    assert await traders.apps() == ()
    assert await traders.status(order, name) == "canceled"


async def test_orders_of_a_former_owner_die_and_live_again_when_the_asset_comes_back(
    scene: Market, traders: Traders
) -> None:
    order, stranger = scene.app_order(), development_key("stranger").address
    name = await traders.publish(order)
    await scene.assets.transfer(scene.wallet("developer"), "App", scene.app, stranger)
    await traders.sync_with_chain()
    assert (await traders.apps(), await traders.status(order, name)) == ((), "dead")
    await scene.assets.transfer(scene.wallet("stranger"), "App", scene.app, development_key("developer").address)
    await traders.sync_with_chain()
    assert await traders.status(order, name) == "open"


async def test_a_pool_order_lives_as_long_as_its_owner_has_one_tasks_stake(scene: Market, traders: Traders) -> None:
    order, pool = scene.pool_order(), scene.wallet("pool")
    name = await traders.publish(order)
    stake = (await scene.hub.account(pool.address)).stake
    await scene.hub.withdraw(pool, stake - POOL_PRICE * 30 // 100)
    await traders.sync_with_chain()
    assert await traders.status(order, name) == "open"
    await scene.hub.withdraw(pool, 1)
    await traders.sync_with_chain()
    assert await traders.status(order, name) == "dead"
    await scene.hub.deposit(pool, 1)
    await traders.sync_with_chain()
    assert len(await traders.pools()) == 1


async def test_a_request_lives_as_long_as_its_requester_can_pay_one_task(scene: Market, traders: Traders) -> None:
    for order in (scene.app_order(), scene.dataset_order()):
        await traders.publish(order)
    order, requester = scene.request(), scene.wallet("requester")
    name = await traders.publish(order)
    stake = (await scene.hub.account(requester.address)).stake
    await scene.hub.withdraw(requester, stake - (3 + DATASET_PRICE + POOL_PRICE) + 1)
    await traders.sync_with_chain()
    assert await traders.status(order, name) == "dead"


async def test_the_ledger_agrees_with_the_hub_after_deals_payments_and_transfers(
    scene: Market, traders: Traders
) -> None:
    deal = await scene.deal()
    await scene.hub.initialize(scene.wallet("stranger"), deal, 0)
    await scene.hub.withdraw(scene.wallet("requester"), 17)
    await scene.wallet("pool").call(scene.hub.address, "Hub", "depositFor", 0, development_key("thief").address)
    await traders.sync_with_chain()
    ledger = traders.service.chain.ledger
    for name in NAMES:
        account = development_key(name).address
        assert (ledger.stake(account), name) == ((await scene.hub.account(account)).stake, name)
    for registry, asset in (("App", scene.app), ("Dataset", scene.dataset), ("Workerpool", scene.pool)):
        assert ledger.owner(registry, asset) == await scene.assets.owner(asset)
    assert ledger.owner("App", scene.dataset) is None
    assert len(ledger.categories()) == await scene.hub.count_categories()
    assert ledger.categories()[0].timeref == (await scene.hub.view_category(0)).timeref


async def test_a_reorganisation_takes_back_what_it_undid(scene: Market, traders: Traders) -> None:
    sold, cancelled, used = scene.app_order(), scene.dataset_order(), scene.pool_order()
    names = [await traders.publish(order) for order in (sold, cancelled, used)]
    before = await snapshot(scene.node)
    await scene.deal()
    await scene.hub.cancel(scene.wallet("owner"), cancelled)
    await scene.assets.transfer(scene.wallet("developer"), "App", scene.app, development_key("thief").address)
    await scene.hub.withdraw(scene.wallet("pool"), (await scene.hub.account(development_key("pool").address)).stake)
    await traders.sync_with_chain()
    orders = (sold, cancelled, used)
    statuses = [await traders.status(order, name) for order, name in zip(orders, names, strict=True)]
    assert statuses == ["dead", "canceled", "dead"]
    await revert(scene.node, before)
    await scene.hub.withdraw(scene.wallet("requester"), 1)  # the other branch grows
    await traders.sync_with_chain()
    statuses = [await traders.status(order, name) for order, name in zip(orders, names, strict=True)]
    assert statuses == ["open", "open", "open"]
    assert [each.left for each in await traders.apps()] == [1000]
    requester = development_key("requester").address
    assert traders.service.chain.ledger.stake(requester) == (await scene.hub.account(requester)).stake


async def test_an_order_that_was_signed_on_chain_dies_with_that_transaction_and_lives_again_with_another(
    scene: Market, traders: Traders, config: MarketConfig
) -> None:
    order = replace_sign(scene.app_order())
    before = await snapshot(scene.node)
    await scene.hub.presign(scene.wallet("developer"), order)
    name = await traders.publish(order, who="stranger")  # its transaction made it public
    open_order = await traders.client.order("apporders", name)
    assert (open_order.presigned, open_order.status, open_order.order["sign"]) == (True, "open", "0x")
    await revert(scene.node, before)
    await scene.hub.withdraw(scene.wallet("requester"), 1)  # the other branch grows
    await traders.sync_with_chain()
    assert (await traders.apps(), await traders.status(order, name)) == ((), "dead")
    await scene.hub.presign(scene.wallet("developer"), order)
    await traders.sync_with_chain()
    assert await traders.status(order, name) == "open"


async def test_what_counts_by_a_signature_does_not_hang_on_a_transaction(scene: Market, traders: Traders) -> None:
    order = scene.app_order()
    before = await snapshot(scene.node)
    await scene.hub.presign(scene.wallet("developer"), order)
    name = await traders.publish(order)
    await revert(scene.node, before)
    await scene.hub.withdraw(scene.wallet("requester"), 1)
    await traders.sync_with_chain()
    assert (await traders.status(order, name), (await traders.apps())[0].presigned) == ("open", False)


def replace_sign(order: AppOrder) -> AppOrder:
    return msgspec.structs.replace(order, sign=b"")


async def test_a_market_that_starts_again_resumes_where_it_was_also_behind_a_reorganisation(
    scene: Market, config: MarketConfig
) -> None:
    from tests.integration.market.traders import place_of

    order = scene.app_order()
    async with open_service(config, scene.node) as service:
        read_until = service.chain.block
        traders = _without_http(scene, service)
        name = await traders(order)
    before = await snapshot(scene.node)
    await scene.hub.cancel(scene.wallet("developer"), order)
    async with open_service(config, scene.node) as service:
        assert service.chain.block > read_until
        assert service.chain.book.status(service.chain.book.get(place_of(order)[0], name)) == "canceled"
    await revert(scene.node, before)
    await scene.hub.withdraw(scene.wallet("requester"), 1)
    async with open_service(
        replace(config, first_block=10**9), scene.node
    ) as service:  # nothing is read from the beginning
        assert service.chain.book.status(service.chain.book.get(place_of(order)[0], name)) == "open"
        assert service.chain.ledger.owner("App", scene.app) == development_key("developer").address


@pytest.fixture
async def wiped(scene: Market) -> AsyncIterator[Market]:
    """Another chain with the same id and the same contracts at the same addresses."""
    async with local_market() as market:
        assert (market.hub.address, market.app) == (scene.hub.address, scene.app)
        yield market


async def test_a_wiped_chain_with_the_same_id_is_noticed_and_read_anew(
    scene: Market, wiped: Market, config: MarketConfig
) -> None:
    order = scene.app_order()
    async with open_service(config, scene.node) as service:
        name = await _without_http(scene, service)(order)
        await scene.deal()
        await service.chain.sync()
        assert service.chain.book.remaining(service.chain.book.get("apporders", name)) == 998
    async with open_service(config, wiped.node) as service:
        published = service.chain.book.get("apporders", name)
        assert (service.chain.book.remaining(published), service.chain.book.status(published)) == (1000, "open")
        assert service.chain.block == (await wiped.node.block()).number


async def test_a_market_logs_that_its_chain_was_wiped_and_follows_the_new_one(
    config: MarketConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with local_market() as first:
        node = first.node
        here = replace(config, folder=tmp_path / "wiped", network=replace(config.network, rpc_urls=(node.url,)))
        async with open_service(here, node) as service:
            order = first.app_order()
            name = await _without_http(first, service)(order)
            await first.deal()
            await service.chain.sync()
            assert service.chain.deals.find({}, start=0, size=10)[0] == 1
            await node.rpc("anvil_reset")
            await service.chain.sync()
            published = service.chain.book.get("apporders", name)
            assert (service.chain.book.status(published), service.chain.block) == ("dead", 0)  # its app is unregistered
            again = await open_market(node, CACHE / "poco")
            await service.chain.sync()
            assert (again.hub.address, again.app) == (first.hub.address, first.app)
            assert (service.chain.book.status(published), service.chain.book.remaining(published)) == ("open", 1000)
            assert service.chain.deals.find({}, start=0, size=10)[0] == 0
    assert "the chain was wiped or replaced" in caplog.text


async def test_without_the_chain_the_book_is_read_and_requests_that_need_the_chain_get_503(
    config: MarketConfig, tmp_path: Path
) -> None:
    from tests.integration.market.test_published_orders import token

    anvil = AnvilConfig(binary=CACHE / "anvil/bin/anvil")
    async with await Anvil.start(anvil) as chain, Node(chain.url) as node:
        market = await open_market(node, CACHE / "poco")
        here = replace(config, folder=tmp_path / "away", network=replace(config.network, rpc_urls=(chain.url,)))
        async with (
            open_service(here, node) as service,
            httpx.AsyncClient(transport=httpx.ASGITransport(application(service, here)), base_url="http://m") as http,
        ):
            name = await _without_http(market, service)(market.app_order())
            await chain.stop()
            page = (await http.get(f"/apporders?chainId=31337&app={market.app}")).json()
            assert [each["orderHash"] for each in page["orders"]] == [name]
            headers = {"authorization": await token(http, "pool")}
            body = {"order": to_document(market.pool_order())}
            answer = await http.post("/workerpoolorders?chainId=31337", json=body, headers=headers)
            assert (answer.status_code, answer.json()["ok"]) == (503, False)
            assert "does not answer; try again" in answer.json()["error"]


async def test_a_market_refuses_to_start_on_another_chain(scene: Market, config: MarketConfig) -> None:
    with pytest.raises(InputRefused, match="another chain"):
        await replace(config.network, genesis=to_digest(bytes(32))).check_chain(scene.node)


async def test_a_database_belongs_to_one_hub(scene: Market, config: MarketConfig, tmp_path: Path) -> None:
    from sealgrid.market.store import OrderStore
    from sealgrid.poco.typed_data import OrderDomain

    url = f"sqlite:///{tmp_path}/shared.sqlite"
    OrderStore(url, scene.orders).close()
    with pytest.raises(InputRefused, match="another hub"):
        OrderStore(url, OrderDomain(chain=scene.orders.chain, hub=ZERO_ADDRESS))


def _without_http(scene: Market, service):
    from sealgrid.market.book.order_book import PublishedOrder
    from sealgrid.market.store import StoreOrder
    from tests.integration.market.traders import place_of

    async def publish(order):
        _, signer = place_of(order)
        name = order_hash(order, scene.orders)
        published = PublishedOrder(order_hash=name, order=order, signer=development_key(signer).address, published_at=1)
        await service._writer.submit(StoreOrder(published))
        return name

    return publish

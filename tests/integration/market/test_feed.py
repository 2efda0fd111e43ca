"""Events of the feed (iExec's protocol) over real sockets, by a market on a real chain."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import revert, snapshot
from sealgrid.errors import OrderRefused
from sealgrid.market.api import application
from sealgrid.market.config import MarketConfig
from sealgrid.market.service import OrderService
from tests.contracts.scene import Market
from tests.integration.market.feed_listener import CHAIN, Listener, listener, serving
from tests.integration.market.traders import Traders, place_of

pytestmark = pytest.mark.chain


@pytest.fixture
async def url(service: OrderService, config: MarketConfig) -> AsyncIterator[str]:
    async with serving(application(service, config)) as address:
        yield address


@pytest.fixture
async def feed(url: str) -> AsyncIterator[Listener]:
    async with listener(url, "orders") as feed:
        yield feed


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_listener_gets_an_event_when_an_order_is_published_and_unpublished(
    scene: Market, traders: Traders, http: httpx.AsyncClient, url: str, transport: str, service: OrderService
) -> None:
    order = scene.dataset_order()
    async with listener(url, "orders", transport=transport) as feed:
        name = await traders.publish(order)
        expected = (await http.get(f"/datasetorders/{name}?chainId={CHAIN}")).json()
        del expected["ok"], expected["chainId"]
        assert await feed.next() == ("datasetorder_published", expected)
        await traders.unpublish(order, name)
        assert await feed.next() == ("datasetorder_unpublished", name)
        await service.feed.end_connections()  # a poll that waits for news would wait half a minute


async def test_orders_of_each_kind_have_events_of_their_own(scene: Market, traders: Traders, feed: Listener) -> None:
    orders = (scene.app_order(), scene.dataset_order(), scene.pool_order(), scene.request())
    names = [await traders.publish(order) for order in orders]
    events = await feed.take(4)
    kinds = [place_of(order)[0].removesuffix("s") for order in orders]
    assert [(name, message["orderHash"]) for name, message in events] == [
        (f"{kind}_published", name) for kind, name in zip(kinds, names, strict=True)
    ]


async def test_a_refused_order_has_no_event(scene: Market, traders: Traders, feed: Listener) -> None:
    with pytest.raises(OrderRefused):
        await traders.publish(scene.app_order(volume=0))
    name = await traders.publish(scene.app_order())
    assert (await feed.next())[1]["orderHash"] == name


async def test_a_deal_has_an_event_and_so_have_its_partly_used_orders(
    scene: Market, traders: Traders, http: httpx.AsyncClient, url: str
) -> None:
    app, dataset = [await traders.publish(order) for order in (scene.app_order(), scene.dataset_order())]
    request = await traders.publish(scene.request())
    async with listener(url, "orders") as feed, listener(url, "deals") as dealer:
        deal = await scene.deal()
        await traders.sync_with_chain()
        events = {
            (name, message if isinstance(message, str) else (message["orderHash"], message["remaining"]))
            for name, message in await feed.take(3)
        }
        assert events == {
            ("apporder_updated", (app, 998)),
            ("datasetorder_updated", (dataset, 998)),
            ("requestorder_unpublished", request),
        }
        expected = (await http.get(f"/deals/{deal}?chainId={CHAIN}")).json()
        del expected["ok"]
        assert await dealer.next() == ("deal_created", expected)


async def test_a_cancelled_order_is_unpublished_and_published_again_when_a_reorganisation_takes_that_back(
    scene: Market, traders: Traders, feed: Listener
) -> None:
    order = scene.app_order()
    name = await traders.publish(order)
    assert (await feed.next())[0] == "apporder_published"
    before = await snapshot(scene.node)
    await scene.hub.cancel(scene.wallet("developer"), order)
    await traders.sync_with_chain()
    assert await feed.next() == ("apporder_unpublished", name)
    await revert(scene.node, before)
    await scene.hub.withdraw(scene.wallet("requester"), 1)  # the other branch grows
    await traders.sync_with_chain()
    again, message = await feed.next()
    assert (again, message["orderHash"], message["status"]) == ("apporder_published", name, "open")


async def test_an_order_of_a_former_owner_is_unpublished(scene: Market, traders: Traders, feed: Listener) -> None:
    name = await traders.publish(scene.app_order())
    buyer = development_key("stranger").address
    await scene.assets.transfer(scene.wallet("developer"), "App", scene.app, buyer)
    await traders.sync_with_chain()
    assert [event for event, _ in await feed.take(1)] == ["apporder_published"]
    assert await feed.next() == ("apporder_unpublished", name)


async def test_a_listener_that_left_a_topic_gets_no_more_of_its_events(
    scene: Market, traders: Traders, url: str
) -> None:
    for event, topic in (("leave", {"chainId": CHAIN, "topic": "orders"}), ("leaveAll", {})):
        async with listener(url, "orders") as quiet, listener(url, "orders") as feed:
            assert await quiet.client.call(event, topic) is True
            name = await traders.publish(scene.app_order())
            await feed.next()
            assert await quiet.join("orders") is True
            await traders.unpublish(scene.app_order(), name)
            assert await quiet.next() == ("apporder_unpublished", name)


@pytest.mark.parametrize(
    "topic", [{"chainId": 1, "topic": "orders"}, {"chainId": CHAIN, "topic": "cats"}, {}, "x", None]
)
async def test_an_unknown_topic_cannot_be_joined(url: str, topic: object) -> None:
    async with listener(url) as feed:
        joined, why = await feed.client.call("join", topic)
        assert joined is False
        assert '"topic": "orders" or "deals"' in why


async def test_a_chain_may_be_named_as_text(url: str) -> None:
    async with listener(url) as feed:
        assert await feed.join("deals", str(CHAIN)) is True


async def test_listeners_notice_that_they_were_cut_off(service: OrderService, config: MarketConfig) -> None:
    async with serving(application(service, config)) as url, listener(url, "orders", "deals") as feed:
        await service.feed.end_connections()
        await asyncio.wait_for(feed.disconnected.wait(), 10)
        assert service.feed.count() == 0

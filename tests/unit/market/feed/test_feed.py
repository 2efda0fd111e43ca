"""Bounds of the feed: connections, their rate, what they say, and how far behind they may be. No chain, no sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.market.book.order_book import OrderOpened
from sealgrid.market.config import MarketConfig
from sealgrid.market.feed import feed as feeds
from sealgrid.market.feed.feed import MarketFeed
from sealgrid.market.feed.limits import MESSAGES_PER_MINUTE, FeedLimits
from sealgrid.poco.orders import AppOrder
from sealgrid.units import to_address, to_digest
from sealgrid.wire.server import MOST_WEBSOCKET_BYTES
from sealgrid.wire.service_access import ONE_MACHINE, ServiceAccess
from tests.unit.market.market_orders import APP, published_order

CONFIG = MarketConfig(
    folder=Path(),
    network=NetworkIdentity(rpc_urls=(), chain=31337, genesis=to_digest(bytes(32)), hub=to_address(bytes(20))),
    access=ONE_MACHINE,
    listeners=3,
    listeners_per_client=2,
)
HANDSHAKE = "/ws/?EIO=4&transport=polling"


@pytest.fixture
async def feed() -> AsyncIterator[MarketFeed]:
    made = MarketFeed(31337)
    running = asyncio.create_task(made.run())
    yield made
    await made.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def caller(feed: MarketFeed, config: MarketConfig = CONFIG, host: str = "192.0.2.1", **more: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(FeedLimits(feed, config, **more), client=(host, 1))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://market.example")


async def connect(client: httpx.AsyncClient) -> str:
    """Open a connection that listens to orders, and return where it is polled."""
    opened = (await client.get(HANDSHAKE)).text  # 0{"sid": …
    place = f"{HANDSHAKE}&sid={json.loads(opened[1:])['sid']}"
    for said in ("40", '421["join",{"chainId":31337,"topic":"orders"}]'):
        assert (await client.post(place, content=said)).status_code == 200
        await client.get(place)
    return place


def happened(count: int) -> list[OrderOpened]:
    return [OrderOpened(published_order(AppOrder(app=APP), number), 1) for number in range(1, count + 1)]


async def until(wanted: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not wanted():
            await asyncio.sleep(0.01)


async def test_one_client_has_so_many_connections_and_all_together_so_many(feed: MarketFeed) -> None:
    said = [(await caller(feed, host=host).get(HANDSHAKE)) for host in ("192.0.2.1",) * 3 + ("192.0.2.2",) * 2]
    assert [each.status_code for each in said] == [200, 200, 429, 200, 429]
    assert "of one client" in said[2].json()["error"]
    assert "the limit of this market" in said[4].json()["error"]
    assert said[2].json()["ok"] is False


async def test_addresses_of_one_ipv6_network_are_one_client(feed: MarketFeed) -> None:
    said = [await caller(feed, host=f"2001:db8::{number}").get(HANDSHAKE) for number in (1, 2, 3)]
    assert [each.status_code for each in said] == [200, 200, 429]


async def test_where_all_share_an_address_only_all_together_are_counted(feed: MarketFeed) -> None:
    config = replace(CONFIG, listeners_per_client=0)
    said = [(await caller(feed, config).get(HANDSHAKE)).status_code for _ in range(4)]
    assert said == [200, 200, 200, 429]


async def test_a_client_that_asks_too_often_waits(feed: MarketFeed) -> None:
    door = caller(feed, replace(CONFIG, access=ServiceAccess(requests_per_minute=2)), clock=lambda: 0.0)
    said = [await door.get(HANDSHAKE) for _ in range(3)]
    assert [each.status_code for each in said] == [200, 200, 429]
    assert "ask again in 30 s" in said[2].json()["error"]
    assert said[2].headers["retry-after"] == "30"


async def test_what_is_too_long_or_does_not_say_how_long_it_is_is_not_read(feed: MarketFeed) -> None:
    async def endless() -> AsyncIterator[bytes]:
        raise AssertionError("somebody read on")
        yield b""

    client = caller(feed)
    place = await connect(client)
    long = await client.post(place, content=b"4" * (MOST_WEBSOCKET_BYTES + 1))
    unsaid = await client.post(place, content=endless())
    assert [each.status_code for each in (long, unsaid)] == [400, 400]
    assert "4096 bytes" in long.json()["error"]
    assert feed.count() == 1


async def test_a_page_of_any_site_may_listen_without_credentials_and_read_why_not(feed: MarketFeed) -> None:
    elsewhere = {"origin": "https://dapp.example"}
    said = await caller(feed).get(HANDSHAKE, headers=elsewhere)
    assert said.headers["access-control-allow-origin"] in ("*", elsewhere["origin"])
    assert "access-control-allow-credentials" not in said.headers
    refused = await caller(feed, replace(CONFIG, listeners=0)).get(HANDSHAKE, headers=elsewhere)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (429, "*")


async def test_who_does_not_read_is_cut_off_and_nobody_else(feed: MarketFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MAX_UNREAD", 5)
    slow, quick = caller(feed), caller(feed, host="192.0.2.2")
    place, read = await connect(slow), await connect(quick)
    heard = ""
    for event in happened(20):
        feed.notify([event])
        heard += (await quick.get(read)).text
    assert heard.count("apporder_published") == 20
    await until(lambda: feed.count() == 1)
    assert (await slow.get(place)).status_code == 400


async def test_when_more_happens_than_can_be_told_everybody_starts_over(
    feed: MarketFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MAX_QUEUED", 5)
    place = await connect(client := caller(feed))
    feed.notify(happened(20))
    await until(lambda: feed.count() == 0)
    assert (await client.get(place)).status_code == 400
    assert 'published"' in await told_again(feed)


async def told_again(feed: MarketFeed) -> str:
    place = await connect(client := caller(feed))
    feed.notify(happened(1))
    return (await client.get(place)).text


async def test_an_announcement_that_fails_is_the_only_one_that_is_missed(
    feed: MarketFeed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said = iter([RuntimeError("no such thing")])
    feed_event = feeds.feed_event

    def once(event: OrderOpened, chain: int) -> Any:
        for error in said:
            raise error
        return feed_event(event, chain)

    monkeypatch.setattr(feeds, "feed_event", once)
    place = await connect(client := caller(feed))
    first, second = happened(2)
    feed.notify([first, second])
    heard = (await client.get(place)).text
    assert (first.published.order_hash in heard, second.published.order_hash in heard) == (False, True)
    assert "unforeseen RuntimeError" in caplog.text


async def test_what_nobody_listens_to_is_not_kept(feed: MarketFeed) -> None:
    feed.notify(happened(20))
    assert feed._queue.empty()


async def talk(
    feed: MarketFeed, words: list[str], *, client: str = "192.0.2.1", config: MarketConfig = CONFIG
) -> list[dict]:
    """Speak over a WebSocket, without one; return what came back."""
    scope = {
        "type": "websocket",
        "path": "/ws/",
        "query_string": b"EIO=4&transport=websocket",
        "client": (client, 1),
        "headers": [(b"upgrade", b"websocket"), (b"connection", b"upgrade")],
    }
    said, events = [], iter([{"type": "websocket.connect"}, *({"type": "websocket.receive", "text": w} for w in words)])

    async def receive() -> dict:
        return next(events, {"type": "websocket.disconnect", "code": 1000})

    async def send(message: dict) -> None:
        said.append(message)

    await FeedLimits(feed, config, clock=lambda: 0.0)(scope, receive, send)  # type: ignore[arg-type]
    return said


async def test_a_connection_that_says_too_much_is_ended(feed: MarketFeed) -> None:
    join = '421["join",{"chainId":31337,"topic":"orders"}]'
    for count in (MESSAGES_PER_MINUTE - 1, 5 * MESSAGES_PER_MINUTE):
        said = await talk(feed, ["40", *[join] * count])
        answers = [each for each in said if each.get("text", "").startswith("431")]
        assert len(answers) == MESSAGES_PER_MINUTE - 1
        assert feed.count() == 0


async def test_a_message_that_is_too_long_ends_the_connection(feed: MarketFeed) -> None:
    said = await talk(feed, ["40", "4" * (MOST_WEBSOCKET_BYTES + 1), '421["join",{}]'])
    assert not any(each.get("text", "").startswith("431") for each in said)


@pytest.mark.parametrize("word", ["", "x", "42", '42["join"', '42["nothing"]', '42{"a":1}', "4" + "[" * 4000, "451-x"])
async def test_nonsense_hurts_nobody(feed: MarketFeed, word: str) -> None:
    place = await connect(client := caller(feed, host="192.0.2.2"))
    said = await talk(feed, ["40", word])
    assert said[-1]["type"] == "websocket.close"
    feed.notify(happened(1))
    assert "apporder_published" in (await client.get(place)).text


async def test_a_full_market_closes_a_websocket_at_once_and_says_why(feed: MarketFeed) -> None:
    (said,) = await talk(feed, ["40"], config=replace(CONFIG, listeners=0))
    assert (said["type"], "connections are open" in said["reason"]) == ("websocket.close", True)

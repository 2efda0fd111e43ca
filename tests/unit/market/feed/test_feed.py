"""The feed: each event once, slow clients disconnected, errors contained."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sealgrid.market.book.order_book import OrderOpened
from sealgrid.market.feed import feed as feeds
from sealgrid.market.feed.feed import MarketFeed
from tests.unit.market.feed.feed_client import http_client, opened_orders, running_feed, subscribe, until, websocket


@pytest.fixture
async def feed() -> AsyncIterator[MarketFeed]:
    async with running_feed() as running:
        yield running


async def test_a_client_that_does_not_read_is_disconnected_and_others_are_not(
    feed: MarketFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MAX_UNREAD", 5)
    slow, quick = http_client(feed), http_client(feed, host="192.0.2.2")
    slow_url, quick_url = await subscribe(slow), await subscribe(quick)
    received = ""
    for event in opened_orders(20):
        feed.notify([event])
        received += (await quick.get(quick_url)).text
    assert received.count("apporder_published") == 20
    await until(lambda: feed.count() == 1)
    assert (await slow.get(slow_url)).status_code == 400


async def test_a_full_queue_ends_all_connections_and_new_ones_receive_events(
    feed: MarketFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MAX_QUEUED", 5)
    client = http_client(feed)
    url = await subscribe(client)
    feed.notify(opened_orders(20))
    await until(lambda: feed.count() == 0)
    assert (await client.get(url)).status_code == 400
    client = http_client(feed)
    url = await subscribe(client)
    feed.notify(opened_orders(1))
    assert 'published"' in (await client.get(url)).text


async def test_an_event_that_fails_is_the_only_one_that_is_skipped(
    feed: MarketFeed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    errors = iter([RuntimeError("no such thing")])
    feed_event = feeds.feed_event

    def fail_once(event: OrderOpened, chain: int) -> Any:
        for error in errors:
            raise error
        return feed_event(event, chain)

    monkeypatch.setattr(feeds, "feed_event", fail_once)
    client = http_client(feed)
    url = await subscribe(client)
    first, second = opened_orders(2)
    feed.notify([first, second])
    received = (await client.get(url)).text
    assert (first.published.order_hash in received, second.published.order_hash in received) == (False, True)
    assert "unforeseen RuntimeError" in caplog.text


async def test_events_without_a_subscriber_are_not_queued(feed: MarketFeed) -> None:
    feed.notify(opened_orders(20))
    assert feed._queue.empty()


MALFORMED = ["", "x", "42", '42["join"', '42["nothing"]', '42{"a":1}', "4" + "[" * 4000, "451-x"]


@pytest.mark.parametrize("message", MALFORMED)
async def test_a_malformed_message_ends_only_its_own_connection(feed: MarketFeed, message: str) -> None:
    client = http_client(feed, host="192.0.2.2")
    url = await subscribe(client)
    sent = await websocket(feed, ["40", message])
    assert sent[-1]["type"] == "websocket.close"
    feed.notify(opened_orders(1))
    assert "apporder_published" in (await client.get(url)).text

"""Limits of the feed: connections in total and per client, requests, and the length and rate of messages."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from sealgrid.market.feed.feed import MarketFeed
from sealgrid.market.feed.limits import MESSAGES_PER_MINUTE
from sealgrid.wire.server import MAX_WEBSOCKET_BYTES
from sealgrid.wire.service_access import ServiceAccess
from tests.unit.market.feed.feed_client import CONFIG, HANDSHAKE, JOIN, http_client, running_feed, subscribe, websocket


@pytest.fixture
async def feed() -> AsyncIterator[MarketFeed]:
    async with running_feed() as running:
        yield running


async def test_connections_are_limited_per_client_and_in_total(feed: MarketFeed) -> None:
    hosts = ("192.0.2.1",) * 3 + ("192.0.2.2",) * 2
    replies = [await http_client(feed, host=host).get(HANDSHAKE) for host in hosts]
    assert [reply.status_code for reply in replies] == [200, 200, 429, 200, 429]
    assert "of one client" in replies[2].json()["error"]
    assert "the limit of this market" in replies[4].json()["error"]
    assert replies[2].json()["ok"] is False


async def test_addresses_of_one_ipv6_network_are_one_client(feed: MarketFeed) -> None:
    replies = [await http_client(feed, host=f"2001:db8::{number}").get(HANDSHAKE) for number in (1, 2, 3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]


async def test_a_limit_of_zero_per_client_leaves_the_total_limit(feed: MarketFeed) -> None:
    config = replace(CONFIG, listeners_per_client=0)
    replies = [await http_client(feed, config).get(HANDSHAKE) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]


async def test_requests_above_the_rate_are_refused_with_the_time_to_wait(feed: MarketFeed) -> None:
    client = http_client(feed, replace(CONFIG, access=ServiceAccess(requests_per_minute=2)), clock=lambda: 0.0)
    replies = [await client.get(HANDSHAKE) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert "ask again in 30 s" in replies[2].json()["error"]
    assert replies[2].headers["retry-after"] == "30"


async def test_a_body_that_is_too_long_or_of_unknown_length_is_not_read(feed: MarketFeed) -> None:
    async def endless() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    client = http_client(feed)
    url = await subscribe(client)
    long = await client.post(url, content=b"4" * (MAX_WEBSOCKET_BYTES + 1))
    chunked = await client.post(url, content=endless())
    assert [reply.status_code for reply in (long, chunked)] == [400, 400]
    assert "4096 bytes" in long.json()["error"]
    assert feed.count() == 1


async def test_pages_of_any_site_may_connect_without_credentials_and_read_refusals(feed: MarketFeed) -> None:
    page = {"origin": "https://dapp.example"}
    reply = await http_client(feed).get(HANDSHAKE, headers=page)
    assert reply.headers["access-control-allow-origin"] in ("*", page["origin"])
    assert "access-control-allow-credentials" not in reply.headers
    refused = await http_client(feed, replace(CONFIG, listeners=0)).get(HANDSHAKE, headers=page)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (429, "*")


async def test_a_connection_above_the_message_rate_is_ended(feed: MarketFeed) -> None:
    for count in (MESSAGES_PER_MINUTE - 1, 5 * MESSAGES_PER_MINUTE):
        sent = await websocket(feed, ["40", *[JOIN] * count])
        replies = [each for each in sent if each.get("text", "").startswith("431")]
        assert len(replies) == MESSAGES_PER_MINUTE - 1
        assert feed.count() == 0


async def test_a_message_that_is_too_long_ends_the_connection(feed: MarketFeed) -> None:
    sent = await websocket(feed, ["40", "4" * (MAX_WEBSOCKET_BYTES + 1), '421["join",{}]'])
    assert not any(each.get("text", "").startswith("431") for each in sent)


async def test_a_websocket_above_the_limit_is_closed_with_the_reason(feed: MarketFeed) -> None:
    (closed,) = await websocket(feed, ["40"], config=replace(CONFIG, listeners=0))
    assert (closed["type"], "connections are open" in closed["reason"]) == ("websocket.close", True)

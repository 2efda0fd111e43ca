"""Data quality: feeds of this hub alone, each station's newest round with its age, read anew every few seconds."""

from pathlib import Path

import pytest

from sealgrid.chain.data_feed import AcceptedRound, DataFeed, FeedHistory, FeedRoster, StationRegistration
from sealgrid.chain.node import Node
from sealgrid.errors import ChainError, NotFound
from sealgrid.units import ZERO_ADDRESS, Address, TaskId, to_address, to_digest
from sealgrid.web.pages import feeds
from tests.unit.web.site_scene import OWNER, browser, network, open_site

FEED, FOREIGN, PRETENDER, FLOODED = (to_address(bytes([number]) * 20) for number in (0xFE, 0xFD, 0xFC, 0xFB))
STATIONS = [to_address(bytes([number]) * 20) for number in (0x31, 0x32, 0x33)]
HOUR = 3600


def accepted(station: Address, hour: int, dqf: int, reason: str = "none", *, late: bool = False) -> AcceptedRound:
    return AcceptedRound(station, hour * HOUR, dqf, reason, TaskId(to_digest(bytes([hour + 1]) * 32)), late)


ROUNDS = (
    accepted(STATIONS[0], 8, 97, late=True),
    accepted(STATIONS[0], 6, 12, "stuck", late=True),
    accepted(STATIONS[1], 1, 40, "missing", late=True),
)


@pytest.fixture(autouse=True)
def chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two feeds with three stations, one of another hub, and a contract that is none; ten hours have passed."""

    async def history(feed: DataFeed) -> FeedHistory:
        if feed.address == FLOODED:
            raise ChainError("the node returns no more than 10000 events.")
        if feed.address not in {FEED, FOREIGN}:
            raise NotFound("there is no feed here.")
        stations = [StationRegistration(f"<{name}>", key) for name, key in zip("abc", STATIONS, strict=True)]
        return FeedHistory(
            hub=network().hub if feed.address == FEED else OWNER,
            app=OWNER,
            dataset=OWNER,
            requester=ZERO_ADDRESS,
            owner=OWNER,
            window_seconds=HOUR,
            stale_after=2 * HOUR,
            now=10 * HOUR,
            roster=FeedRoster(31337, feed.address, tuple(stations)),
            rounds=ROUNDS,
        )

    async def find(node: Node, most: int, *, skip: int = 0) -> tuple[Address, ...]:
        return (PRETENDER, FLOODED, FEED, FOREIGN)[skip : skip + most]

    monkeypatch.setattr(DataFeed, "history", history)
    monkeypatch.setattr(DataFeed, "find", find)


async def test_the_feeds_of_this_hub_are_listed_with_what_is_wrong(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        shown = (await browser(site).get("/feeds")).text
    assert f"/feeds/{FEED}" in shown
    assert FOREIGN not in shown
    assert PRETENDER not in shown
    assert FLOODED not in shown
    assert "3 stations, 3 rounds, 1 station faulty." in shown
    assert "2 of 3 stale" in shown


async def test_copies_that_a_stranger_deploys_later_leave_a_feed_on_a_later_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "FEEDS_PER_PAGE", 2)
    async with open_site(tmp_path) as site:
        first, second, beyond = [(await browser(site).get(f"/feeds?page={page}")).text for page in range(3)]
    assert f"/feeds/{FEED}" not in first
    assert "No feed of this network on this page." in first
    assert 'href="/feeds?page=1" rel="next"' in first
    assert f"/feeds/{FEED}" in second
    assert 'href="/feeds?page=0" rel="prev"' in second
    assert 'rel="next"' not in second
    assert 'rel="next"' not in beyond


async def test_a_feeds_page_shows_each_stations_newest_round_and_reads_it_again(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        client = browser(site)
        page = (await client.get(f"/feeds/{FEED}")).text
        rows = (await client.get(f"/feeds/{FEED}/rounds", headers={"hx-request": "true"})).text
        by_form = (await client.get(f"/feeds?address={FEED}")).text
        missing = [(await client.get(f"/feeds/{each}")).status_code for each in (FOREIGN, OWNER, "x")]
    assert f'hx-get="/feeds/{FEED}/rounds" hx-trigger="every 5s"' in page
    assert rows in page
    assert by_form == page
    assert missing == [404, 404, 404]
    first, second, third = rows.split("<tbody>")[1].split("</tr>")[:3]
    assert 'class="dqf good">97<' in first
    assert "no fault" in first
    assert "DQF of the last 2 rounds: from 12 to 97" in first
    assert "stale" not in first
    assert "arrived late" in first
    assert f"/tasks/{ROUNDS[0].task}" in first
    assert 'class="dqf bad">40<' in second
    assert "missing" in second
    assert "1970-01-01 01:00 to 02:00" in second
    assert "stale" in second
    assert "no round yet" in third
    assert "&lt;a&gt;" in first

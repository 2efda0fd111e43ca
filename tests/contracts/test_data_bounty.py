"""The data bounty pays the stations of a real feed for rounds of DQF 80 and more."""

from dataclasses import dataclass

import pytest

from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface
from sealgrid.chain.anvil import advance
from sealgrid.errors import ContractReverted
from sealgrid.units import Address
from tests.contracts.feed_scene import STATIONS, WINDOW, Answer, Feed, open_feed
from tests.contracts.scene import Market

pytestmark = pytest.mark.chain
REWARD = 10**15
BOUNTY = interface("DataBounty")


@dataclass(frozen=True)
class Bounty:
    feed: Feed
    address: Address
    window: int  #: the last of its period

    async def claim(self, window: int, station: Address = STATIONS[0]) -> None:
        await self.feed.market.wallet("stranger").call(self.address, "DataBounty", "claim", station, window)

    async def balance(self, account: Address) -> int:
        return int(await self.feed.market.node.rpc("eth_getBalance", account, "latest"), 16)


@pytest.fixture
async def bounty(market: Market) -> Bounty:
    feed = await open_feed(market)
    last = await feed.last_window()
    end = (last + 1) * WINDOW
    owner = market.wallet("owner")
    arguments = (feed.address, REWARD, end - 8 * WINDOW, end, end + 8 * WINDOW)
    address = await owner.deploy(artifacts.bytecode("DataBounty"), artifacts.abi("DataBounty"), *arguments)
    await owner.send(address, b"", value=3 * REWARD)
    return Bounty(feed, address, last)


@pytest.mark.parametrize("dqf", [80, 100])
async def test_a_station_is_paid_once_for_a_good_window(bounty: Bounty, dqf: int) -> None:
    await bounty.feed.accept(Answer(window=bounty.window, dqf=dqf))
    await bounty.claim(bounty.window)
    assert await bounty.balance(STATIONS[0]) == REWARD
    with pytest.raises(ContractReverted, match="is paid"):
        await bounty.claim(bounty.window)
    assert await bounty.balance(STATIONS[0]) == REWARD


async def test_each_good_window_of_each_station_is_paid(bounty: Bounty) -> None:
    for window, station in ((0, 0), (1, 0), (0, 1)):
        await bounty.feed.accept(Answer(window=bounty.window - window, station=STATIONS[station]))
        await bounty.claim(bounty.window - window, STATIONS[station])
    assert [await bounty.balance(each) for each in STATIONS] == [2 * REWARD, REWARD]


async def test_a_window_below_80_is_not_paid(bounty: Bounty) -> None:
    await bounty.feed.accept(Answer(window=bounty.window, dqf=79))
    with pytest.raises(ContractReverted, match="not good enough"):
        await bounty.claim(bounty.window)


async def test_a_window_without_a_round_is_not_paid(bounty: Bounty) -> None:
    with pytest.raises(ContractReverted, match="no such round"):
        await bounty.claim(bounty.window)


async def test_a_window_before_the_period_is_not_paid(bounty: Bounty) -> None:
    await bounty.feed.accept(Answer(window=bounty.window - 8))
    with pytest.raises(ContractReverted, match="not a window of this bounty"):
        await bounty.claim(bounty.window - 8)


async def test_the_funder_takes_back_what_is_left_after_the_last_claim(bounty: Bounty) -> None:
    stranger = bounty.feed.market.wallet("stranger")
    with pytest.raises(ContractReverted, match="still claim"):
        await stranger.call(bounty.address, "DataBounty", "take_back")
    await advance(bounty.feed.market.node, 9 * WINDOW)
    owner = bounty.feed.market.wallet("owner").address
    before = await bounty.balance(owner)
    await stranger.call(bounty.address, "DataBounty", "take_back")
    assert await bounty.balance(owner) == before + 3 * REWARD

"""Deals in iExec's format: every one on the chain, none that a reorganisation removed."""

import sqlite3
from pathlib import Path

import httpx
import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import revert, snapshot
from sealgrid.crypto.eip55 import checksum_address
from sealgrid.market.chain.store import MarketChainStore
from sealgrid.market.config import MarketConfig
from sealgrid.market.runner import open_service
from sealgrid.poco.typed_data import order_hash
from sealgrid.units import ZERO_ADDRESS
from tests.contracts.scene import APP_PRICE, DATASET_PRICE, POOL_PRICE, Market
from tests.integration.market.test_iexec_routes import CHAIN, get
from tests.integration.market.traders import Traders

pytestmark = pytest.mark.chain


async def test_a_deal_is_written_as_iexec_writes_it(scene: Market, traders: Traders, http: httpx.AsyncClient) -> None:
    deal = await scene.deal()
    await traders.sync_with_chain()
    found = await get(http, f"/deals/{deal}?{CHAIN}")
    block = await scene.node.block()
    assert found["transactionHash"].startswith("0x")
    assert found["blockTimestamp"].endswith(".000Z")
    del found["transactionHash"], found["blockTimestamp"]
    assert found.pop("sponsor") == found["requester"]  # iExec's market does not say who pays
    people = {
        name: checksum_address(development_key(name).address) for name in ("developer", "owner", "pool", "requester")
    }
    assert found == {
        "code": 200,
        "ok": True,
        "dealid": deal,
        "chainId": 31337,
        "app": {"pointer": checksum_address(scene.app), "owner": people["developer"], "price": APP_PRICE},
        "dataset": {"pointer": checksum_address(scene.dataset), "owner": people["owner"], "price": DATASET_PRICE},
        "workerpool": {"pointer": checksum_address(scene.pool), "owner": people["pool"], "price": POOL_PRICE},
        "appHash": order_hash(scene.app_order(), scene.orders),
        "datasetHash": order_hash(scene.dataset_order(), scene.orders),
        "workerpoolHash": order_hash(scene.pool_order(), scene.orders),
        "requestHash": order_hash(scene.request(), scene.orders),
        "requester": people["requester"],
        "beneficiary": people["requester"],
        "callback": ZERO_ADDRESS,
        "params": "{}",
        "category": 0,
        "tag": scene.request().tag,
        "trust": 1,
        "startTime": block.timestamp,
        "botFirst": 0,
        "botSize": 2,
        "volume": 2,
        "workerStake": POOL_PRICE * 30 // 100,
        "schedulerRewardRatio": 1,
        "blockNumber": block.number,
    }


async def test_a_deal_names_its_payer(scene: Market, traders: Traders, http: httpx.AsyncClient) -> None:
    sponsor, number = development_key("pool").address, scene.deployment.categories["XS"]
    orders = (scene.app_order(), scene.dataset_order(), scene.pool_order(category=number))
    deal = await scene.hub.sponsor_match_orders(scene.wallet("pool"), *orders, scene.request(category=number))
    await traders.sync_with_chain()
    found = (await http.get(f"/deals/{deal}?chainId=31337")).json()
    assert (found["sponsor"], found["requester"]) == (
        checksum_address(sponsor),
        checksum_address(development_key("requester").address),
    )


async def test_deals_are_found_by_whatever_took_part_the_newest_first(
    scene: Market, traders: Traders, http: httpx.AsyncClient
) -> None:
    first = await scene.deal()
    second = await scene.deal(category="Short", params='{"n":2}')
    await traders.sync_with_chain()

    async def found(query: str) -> list[str]:
        page = await get(http, f"/deals?{CHAIN}&{query}")
        assert page["count"] == len(page["deals"])
        return [each["dealid"] for each in page["deals"]]

    everything = [second, first]
    short = scene.deployment.categories["Short"]
    assert await found("") == everything
    assert await found(f"category={short}") == [second]
    for name, who in (
        ("requester", "requester"),
        ("beneficiary", "requester"),
        ("appOwner", "developer"),
        ("datasetOwner", "owner"),
        ("workerpoolOwner", "pool"),
    ):
        assert await found(f"{name}={development_key(who).address}") == everything
        assert await found(f"{name}={development_key('stranger').address}") == []
    for name, asset in (("app", scene.app), ("dataset", scene.dataset), ("workerpool", scene.pool)):
        assert await found(f"{name}={checksum_address(asset)}") == everything
        assert await found(f"{name}=any") == everything
        assert await found(f"{name}={ZERO_ADDRESS}") == []
    assert await found(f"apporderHash={order_hash(scene.app_order(), scene.orders)}") == everything
    assert await found(f"datasetorderHash={order_hash(scene.dataset_order(), scene.orders)}") == everything
    assert await found(f"workerpoolorderHash={order_hash(scene.pool_order(), scene.orders)}") == [first]
    assert await found(f"requestorderHash={order_hash(scene.request(), scene.orders)}") == [first]


async def test_pages_of_deals_follow_each_other(scene: Market, traders: Traders, http: httpx.AsyncClient) -> None:
    made = [await scene.deal(params=f'{{"n":{n}}}', volume=1) for n in range(11)][::-1]
    await traders.sync_with_chain()
    first = await get(http, f"/deals?{CHAIN}&pageSize=10")
    assert ([each["dealid"] for each in first["deals"]], first["count"], first["nextPage"]) == (made[:10], 11, 10)
    second = await get(http, f"/deals?{CHAIN}&pageSize=10&pageIndex=1")
    assert [each["dealid"] for each in second["deals"]] == made[10:]
    assert "nextPage" not in second
    assert len((await get(http, f"/deals?{CHAIN}&page=1"))["deals"]) == 10


async def test_the_prices_of_a_category_have_time_and_volume(
    scene: Market, traders: Traders, http: httpx.AsyncClient
) -> None:
    deal = await scene.deal(volume=2)
    await scene.deal(category="Short", params='{"n":2}')
    await traders.sync_with_chain()
    at = (await get(http, f"/deals/{deal}?{CHAIN}"))["blockTimestamp"]
    assert (await get(http, f"/ohlc?{CHAIN}&category=0"))["ohlc"] == [[at, POOL_PRICE, 2]]
    assert (await get(http, f"/ohlc?{CHAIN}&category=3"))["ohlc"] == []


async def test_a_deal_that_a_reorganisation_took_back_is_gone(
    scene: Market, traders: Traders, http: httpx.AsyncClient
) -> None:
    remaining = await scene.deal()
    before = await snapshot(scene.node)
    gone = await scene.deal(params='{"n":2}')
    await traders.sync_with_chain()
    assert (await get(http, f"/deals?{CHAIN}"))["count"] == 2
    await revert(scene.node, before)
    other = await scene.deal(params='{"n":3}')
    await traders.sync_with_chain()
    assert [each["dealid"] for each in (await get(http, f"/deals?{CHAIN}"))["deals"]] == [other, remaining]
    assert (await get(http, f"/deals/{gone}?{CHAIN}"))["code"] == 404


async def test_a_market_from_before_there_were_deals_reads_the_chain_again(scene: Market, config: MarketConfig) -> None:
    deal = await scene.deal()
    async with open_service(config, scene.node) as service:
        assert service.chain.deals.get(deal)
    _as_before(config.folder / "chain.sqlite")
    async with open_service(config, scene.node) as service:
        assert service.chain.deals.get(deal)
    store = MarketChainStore(config.folder / "chain.sqlite")
    assert store.trail().tip is not None  # a file of today's layout is kept
    store.close()


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/deals", 400, "chainId is a required field"),
        (f"/deals?{CHAIN}&app=0x12", 400, "app is not a valid address"),
        (f"/deals?{CHAIN}&apporderHash=0x12", 400, "apporderHash is not a valid bytes32"),
        (f"/deals?{CHAIN}&colour=red", 400, "cannot be filtered by colour"),
        (f"/deals?{CHAIN}&pageSize=9", 400, "pageSize"),
        (f"/deals/0x12?{CHAIN}", 400, "dealid must be a bytes32"),
        (f"/deals/0x{'12' * 32}?{CHAIN}", 404, "deal not found"),
        (f"/ohlc?{CHAIN}", 400, "category is a required field"),
        (f"/ohlc?{CHAIN}&category=x", 400, "category is a whole number"),
    ],
)
async def test_questions_about_deals_that_make_no_sense_are_answered_in_one_sentence(
    http: httpx.AsyncClient, path: str, status: int, sentence: str
) -> None:
    found = await get(http, path)
    assert (found["code"], found["ok"]) == (status, False)
    assert sentence in found["error"]


def _as_before(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE deals")
        connection.execute("PRAGMA user_version = 0")
    connection.close()

"""The wire facts of iExec's market API (reference/iexec.md, 3.2 and 3.3), one by one."""

from dataclasses import replace

import httpx
import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.market.api import application
from sealgrid.market.config import MarketConfig
from sealgrid.market.serialization import timestamp
from sealgrid.market.service import OrderService
from sealgrid.poco.orders import to_document
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import order_hash
from sealgrid.units import to_address, to_digest
from sealgrid.wire.service_access import ServiceAccess
from tests.contracts.scene import Market
from tests.integration.market.traders import Traders

pytestmark = pytest.mark.chain
CHAIN = "chainId=31337"
ANYONE = f"{CHAIN}&app=any&dataset=any&workerpool=any&requester=any"


async def get(http: httpx.AsyncClient, path: str) -> dict:
    answer = await http.get(path)
    assert answer.headers["content-type"].startswith("application/json")
    return answer.json() | {"code": answer.status_code}


async def test_a_challenge_is_typed_data_that_any_wallet_shows(scene: Market, http: httpx.AsyncClient) -> None:
    from eth_account import Account

    key = development_key("developer")
    found = await get(http, f"/challenge?{CHAIN}&address={key.address.upper().replace('0X', '0x')}")
    data = found["data"]
    assert (found["ok"], data["primaryType"], data["domain"]) == (
        True,
        "Challenge",
        {"name": "iExec Gateway", "version": "1", "chainId": "31337"},
    )
    assert data["message"]["challenge"].startswith("Sign this message to log into iExec Gateway: ")
    data["domain"]["chainId"] = 31337
    signed = Account.sign_typed_data(key.secret, full_message=data)
    token = f"0x{bytes(signed.message_hash).hex()}_0x{bytes(signed.signature).hex()}_{key.address}"
    body = {"order": to_document(scene.app_order())}
    answer = await http.post(f"/apporders?{CHAIN}", json=body, headers={"authorization": token})
    assert (answer.status_code, answer.json()["ok"]) == (200, True)


async def test_an_order_is_written_as_iexec_writes_it(scene: Market, traders: Traders, http: httpx.AsyncClient) -> None:
    order = scene.dataset_order(datasetprice=0, volume=2**53 - 1, apprestrict="0x" + "ab" * 20)
    name = await traders.publish(order)
    found = await get(http, f"/datasetorders/{name}?{CHAIN}")
    assert set(found) == {
        "ok",
        "orderHash",
        "chainId",
        "order",
        "remaining",
        "status",
        "publicationTimestamp",
        "signer",
        "bulk",
        "code",
    }
    assert (found["orderHash"], found["chainId"], found["status"], found["bulk"]) == (name, 31337, "open", True)
    assert found["signer"] == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"  # EIP-55
    assert found["order"]["apprestrict"] == "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"
    assert (found["order"]["datasetprice"], found["order"]["volume"], found["remaining"]) == (0, 2**53 - 1, 2**53 - 1)
    assert found["order"]["sign"] == "0x" + order.sign.hex()
    assert found["publicationTimestamp"].endswith("Z")
    assert len(found["publicationTimestamp"]) == len("2026-01-01T00:00:00.000Z")


async def test_numbers_that_javascript_would_round_are_written_as_text(
    scene: Market, traders: Traders, http: httpx.AsyncClient
) -> None:
    name = await traders.publish(scene.app_order(appprice=2**53, volume=2**200))
    found = await get(http, f"/apporders/{name}?{CHAIN}")
    assert (found["order"]["appprice"], found["remaining"]) == (str(2**53), str(2**200))


async def test_numbers_are_taken_as_text_and_as_numbers(scene: Market, http: httpx.AsyncClient) -> None:
    from tests.integration.market.test_published_orders import token

    document = to_document(scene.app_order()) | {"appprice": 3, "volume": 1000}
    body, headers = {"order": document}, {"authorization": await token(http, "developer")}
    answer = await http.post(f"/apporders?{CHAIN}", json=body, headers=headers)
    assert answer.json()["published"]["orderHash"] == order_hash(scene.app_order(), scene.orders)


async def test_a_restriction_that_nobody_names_must_be_open_to_anyone(
    scene: Market, traders: Traders, http: httpx.AsyncClient
) -> None:
    one, other = development_key("requester").address, development_key("stranger").address
    bound = await traders.publish(scene.app_order(requesterrestrict=one))
    free = await traders.publish(scene.app_order(appprice=5))

    async def found(query: str) -> list[str]:
        page = await get(http, f"/apporders?{CHAIN}&app={scene.app}&{query}")
        return [each["orderHash"] for each in page["orders"]]

    assert await found("") == [free]
    assert await found(f"requester={one}") == [bound, free]
    assert await found(f"requester={other}") == [free]
    for yes in ("true", "True", "1"):
        assert await found(f"requester={one}&isRequesterStrict={yes}") == [bound]
    assert await found(f"requester={one}&isRequesterStrict=0") == [bound, free]
    assert await found("isRequesterStrict=true") == [free]  # says nothing where no requester is named
    assert await found("requester=any") == [bound, free]
    assert await found(f"requester=any&appOwner={development_key('developer').address}") == [bound, free]
    assert await found(f"requester=any&appOwner={one}") == []


async def test_orders_are_found_by_tag_volume_and_trust(
    scene: Market, traders: Traders, http: httpx.AsyncClient
) -> None:
    plain = await traders.publish(scene.pool_order(tag=to_digest(bytes(32)), trust=1, volume=5))
    tee = await traders.publish(scene.pool_order(trust=4))

    async def found(query: str) -> list[str]:
        page = await get(http, f"/workerpoolorders?{CHAIN}&category=0&{query}")
        return [each["orderHash"] for each in page["orders"]]

    assert await found(f"minTag={TEE_TAG}") == [tee]
    assert await found(f"maxTag={to_digest(bytes(32))}") == [plain]
    assert sorted(await found(f"maxTag={TEE_TAG}")) == sorted([plain, tee])
    assert await found("minVolume=6") == [tee]
    assert await found("minTrust=2") == [tee]
    assert sorted(await found("minTrust=1")) == sorted([plain, tee])
    assert (await get(http, f"/workerpoolorders?{CHAIN}&category=1"))["count"] == 0


async def test_orders_for_use_in_bulk_are_free_and_endless(
    scene: Market, traders: Traders, http: httpx.AsyncClient
) -> None:
    await traders.publish(scene.dataset_order(apprestrict=to_address(bytes(20))))
    bulk = await traders.publish(
        scene.dataset_order(apprestrict=to_address(bytes(20)), datasetprice=0, volume=2**53 - 2)
    )
    found = await get(http, f"/datasetorders?{CHAIN}&dataset={scene.dataset}&bulkOnly=true")
    assert [each["orderHash"] for each in found["orders"]] == [bulk]


async def test_pages_come_cheapest_first_and_say_whether_there_is_another(
    scene: Market, service: OrderService, config: MarketConfig, traders: Traders, http: httpx.AsyncClient
) -> None:
    service._admission._per_signer = 20
    for price in (12, 5, 1, 3, 11, 10, 9, 8, 7, 6, 4, 2):
        await traders.publish(scene.app_order(appprice=price))
    first = await get(http, f"/apporders?{ANYONE}&pageSize=10&pageIndex=0")
    assert [each["order"]["appprice"] for each in first["orders"]] == list(range(1, 11))
    assert (first["count"], first["nextPage"]) == (12, 10)
    second = await get(http, f"/apporders?{ANYONE}&pageSize=10&pageIndex=1")
    assert [each["order"]["appprice"] for each in second["orders"]] == [11, 12]
    assert "nextPage" not in second


async def test_pages_are_walked_by_how_many_to_skip_too_which_is_iexecs_older_way(
    scene: Market, service: OrderService, traders: Traders, http: httpx.AsyncClient
) -> None:
    service._admission._per_signer = 50
    for price in range(1, 42):
        await traders.publish(scene.app_order(appprice=price))
    found, skipped = [], 0
    while skipped is not None:
        page = await get(http, f"/apporders?{ANYONE}&page={skipped}")
        found += [each["order"]["appprice"] for each in page["orders"]]
        skipped = page.get("nextPage")
    assert found == list(range(1, 42))
    numbered = await get(http, f"/apporders?{ANYONE}&page=7&pageIndex=0")  # whoever numbers pages skips nothing
    assert numbered["orders"][0]["order"]["appprice"] == 1


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/apporders?app=any", 400, "chainId is a required field"),
        ("/apporders?app=any&chainId=1", 400, "chainId 1 is not supported"),
        (f"/apporders?{ANYONE}&pageIndex=x", 400, "pageIndex"),
        (f"/apporders?{ANYONE}&colour=red", 400, "colour"),
        (f"/apporders?{CHAIN}&app=0x12", 400, "app is not a valid address"),
        (f"/apporders?{ANYONE}&minTag=0x12", 400, "minTag"),
        (f"/apporders/0x12?{CHAIN}", 400, "bytes32"),
        (f"/apporders/0x{'12' * 32}?{CHAIN}", 404, "apporder not found"),
        (f"/sandwiches?{CHAIN}", 404, "sandwiches"),
        (f"/challenge?{CHAIN}&address=anna", 400, "not a valid ethereum address"),
        (f"/categories/99?{CHAIN}", 404, "category not found"),
        (f"/categories/XS?{CHAIN}", 400, "category is a whole number"),
        (f"/categories?{CHAIN}&minWorkClockTimeRef=soon", 400, "minWorkClockTimeRef"),
        (f"/categories?{CHAIN}&name=XS", 400, "name"),
        (f"/categories?{CHAIN}&pageSize=2000", 400, "pageSize"),
        (f"/apporders?{ANYONE}&minVolume=0", 400, "minVolume must be greater than or equal to 1"),
        (f"/ohlc?{CHAIN}", 400, "category is a required field"),
        (f"/deals/0x12?{CHAIN}", 400, "dealid must be a bytes32"),
        (f"/deals/0x{'12' * 32}?{CHAIN}", 404, "deal not found"),
        (f"/deals?{CHAIN}&taskid=1", 400, "taskid"),
        ("/metrics", 400, "chainId is a required field"),
    ],
)
async def test_questions_that_make_no_sense_are_answered_in_one_sentence(
    http: httpx.AsyncClient, path: str, status: int, said: str
) -> None:
    found = await get(http, path)
    assert (found["code"], found["ok"]) == (status, False)
    assert said in found["error"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (f"/apporders?{CHAIN}", "app or appOwner is required"),
        (f"/datasetorders?{CHAIN}", "dataset or datasetOwner is required"),
        (f"/apporders?{ANYONE}&pageSize=9", "pageSize must be greater than or equal to 10"),
        (f"/deals?{CHAIN}&pageSize=1001", "pageSize must be less than or equal to 1000"),
        (f"/categories?{CHAIN}&pageIndex=-1", "pageIndex must be greater than or equal to 0"),
        (
            f"/apporders?{ANYONE}&isDatasetStrict=abc",
            'isDatasetStrict must be a `boolean` type, but the final value was: `"abc"`.',
        ),
        (
            f"/requestorders?{CHAIN}&isAppStrict=abc",
            'isAppStrict must be a `boolean` type, but the final value was: `"abc"`.',
        ),
    ],
)
async def test_an_invalid_query_has_iexecs_sentence(http: httpx.AsyncClient, path: str, sentence: str) -> None:
    found = await get(http, path)
    assert (found["code"], found["error"]) == (400, sentence)


@pytest.mark.parametrize("name", ["isAppStrict", "isDatasetStrict"])
async def test_requests_can_be_queried_strictly_as_from_iexecs_market(
    scene: Market, traders: Traders, http: httpx.AsyncClient, name: str
) -> None:
    for order in (scene.app_order(), scene.dataset_order()):
        await traders.publish(order)
    request = await traders.publish(scene.request())
    page = await get(http, f"/requestorders?{CHAIN}&workerpool=any&{name}=true")
    assert [each["orderHash"] for each in page["orders"]] == [request]


async def test_categories_come_shortest_first_with_what_made_them(scene: Market, http: httpx.AsyncClient) -> None:
    async def found(query: str) -> list[int]:
        return [each["catid"] for each in (await get(http, f"/categories?{CHAIN}{query}"))["categories"]]

    assert await found("") == [5, 0, 1, 2, 3, 4]
    assert await found("&minWorkClockTimeRef=300") == [0, 1, 2, 3, 4]
    assert await found("&maxWorkClockTimeRef=300") == [5, 0]
    assert await found("&minWorkClockTimeRef=31&maxWorkClockTimeRef=299") == []
    assert await found("&page=4") == [3, 4]
    one = await get(http, f"/categories/5?{CHAIN}")
    assert (one["ok"], one["chainId"], one["name"], one["workClockTimeRef"]) == (True, "31337", "Short", 30)
    block = await scene.node.block(one["blockNumber"])
    assert one["blockTimestamp"] == timestamp(1000 * block.timestamp)
    assert (await get(http, f"/categories?{CHAIN}"))["categories"][0] == {
        name: value for name, value in one.items() if name not in ("ok", "code")
    } | {"chainId": 31337}


async def test_version_and_metrics_are_served(scene: Market, traders: Traders, http: httpx.AsyncClient) -> None:
    await traders.publish(scene.app_order())
    assert (await get(http, "/version"))["version"]
    metrics = await get(http, f"/metrics?{CHAIN}")
    assert (metrics["apporders"], metrics["lastBlock"]) == (1, (await scene.node.block()).number)


async def test_pages_of_any_site_may_use_it_without_credentials(http: httpx.AsyncClient) -> None:
    elsewhere = {"origin": "https://dapp.example"}
    plain = await http.get(f"/apporders?{ANYONE}", headers=elsewhere)
    assert plain.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in plain.headers
    asked = elsewhere | {
        "access-control-request-method": "PUT",
        "access-control-request-headers": "authorization,content-type",
    }
    preflight = await http.options("/apporders", headers=asked)
    assert preflight.status_code in (200, 204)
    allowed = {name.strip().lower() for name in preflight.headers["access-control-allow-headers"].split(",")}
    assert {"authorization", "content-type"} <= allowed
    refused = await http.get("/sandwiches?chainId=31337", headers=elsewhere)
    assert refused.headers["access-control-allow-origin"] == "*"  # or the page could not read what is wrong


async def test_a_client_that_asks_too_often_waits(service: OrderService, config: MarketConfig) -> None:
    app = application(service, replace(config, access=ServiceAccess(requests_per_minute=3)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://market.example") as http:
        said = [await http.get("/version") for _ in range(4)]
        assert [each.status_code for each in said] == [200, 200, 200, 429]
        assert said[3].json()["ok"] is False
        assert 0 < int(said[3].headers["retry-after"]) <= 20
        assert f"in {said[3].headers['retry-after']} s" in said[3].json()["error"]


async def test_a_body_that_is_too_large_is_refused(http: httpx.AsyncClient, config: MarketConfig) -> None:
    from tests.integration.market.test_published_orders import token

    headers = {"authorization": await token(http, "developer")}
    answer = await http.post(f"/apporders?{CHAIN}", content=b" " * (config.largest_body + 1), headers=headers)
    assert (answer.status_code, answer.json()["ok"]) == (413, False)

import asyncio

import httpx
import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.errors import NotFound, OrderRefused, ServiceUnavailable
from sealgrid.market.book.order_kinds import KINDS
from sealgrid.poco.orders import AppOrder, from_document, to_document
from sealgrid.poco.typed_data import order_hash, sign_order
from sealgrid.units import to_digest
from sealgrid.wire.challenge import answer
from sealgrid.wire.market import Kind
from tests.contracts.scene import Market
from tests.integration.market.traders import Traders, place_of

pytestmark = pytest.mark.chain


async def test_every_kind_of_signed_order_is_published_and_found(scene: Market, traders: Traders) -> None:
    app, dataset, pool, request = scene.app_order(), scene.dataset_order(), scene.pool_order(), scene.request()
    assert await traders.publish(app) == order_hash(app, scene.orders)
    for order in (dataset, pool, request):
        await traders.publish(order)
    (found,) = await traders.apps(app=scene.app)
    assert (from_document(AppOrder, found.order), found.left, found.status) == (app, 1000, "open")
    assert found.owner == development_key("developer").address
    assert [len(await traders.datasets(app=app)) for app in (scene.app, scene.pool)] == [1, 0]
    assert len(await traders.pools(category="0")) == 1
    assert len(await traders.requests(requester=request.requester)) == 1


async def test_an_owner_takes_one_order_off_and_it_is_not_found_any_more(scene: Market, traders: Traders) -> None:
    order = scene.app_order()
    name = await traders.publish(order)
    await traders.unpublish(order, name)
    assert await traders.apps() == ()
    with pytest.raises(NotFound):
        await traders.status(order, name)
    await traders.publish(order)
    assert [each.orderHash for each in await traders.apps()] == [name]


async def test_nobody_takes_off_what_another_account_signed(scene: Market, traders: Traders) -> None:
    order = scene.app_order()
    name = await traders.publish(order)
    with pytest.raises(OrderRefused, match="only order signer"):
        await traders.unpublish(order, name, who="thief")
    assert len(await traders.apps()) == 1


@pytest.mark.parametrize("kind", ["apporders", "datasetorders", "workerpoolorders", "requestorders"])
async def test_a_signer_takes_off_one_order_the_last_of_an_asset_or_all_of_them(
    scene: Market, traders: Traders, http: httpx.AsyncClient, kind: Kind
) -> None:
    make = {
        "apporders": scene.app_order,
        "datasetorders": scene.dataset_order,
        "workerpoolorders": scene.pool_order,
        "requestorders": scene.request,
    }[kind]
    if kind == "requestorders":  # they are for what somebody offers
        for offer in (scene.app_order(), scene.dataset_order()):
            await traders.publish(offer)
    orders = [make(salt=to_digest(bytes([number]) * 32)) for number in (1, 2, 3)]
    names = [await traders.publish(order) for order in orders]
    asset, signer = KINDS[kind].asset, place_of(orders[0])[1]

    async def take_off(**selection: str) -> set[str]:
        headers = {"authorization": await token(http, signer)}
        return set((await http.put(f"/{kind}?chainId=31337", json=selection, headers=headers)).json()["unpublished"])

    mine = {asset: getattr(orders[0], asset)}
    assert await take_off(target="unpublish_last", **mine) == {names[2]}
    assert await take_off(target="unpublish_orderHash", orderHash=names[0]) == {names[0]}
    await traders.publish(orders[0])
    assert await take_off(target="unpublish_all", **mine) == {names[0], names[1]}
    assert traders.service.chain.book.count(kind) == 0


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"target": "unpublish_everything"}, 400, "unpublish_everything"),
        ({}, 400, "orderHash must be a bytes32"),
        ({"orderHash": "0x12"}, 400, "orderHash must be a bytes32"),
        ({"target": "unpublish_last"}, 400, "app is not a valid ethereum address"),
        ({"target": "unpublish_all", "app": 7}, 400, "app"),
        ({"orderHash": "0x" + "12" * 32}, 403, "is not published"),
        ({"target": "unpublish_all", "app": "0x" + "12" * 20}, 403, "no open apporder published by signer"),
        ({"target": "unpublish_last", "dataset": "0x" + "12" * 20}, 400, "app is not a valid ethereum address"),
    ],
)
async def test_what_cannot_be_taken_off_is_answered_in_one_sentence(
    scene: Market, traders: Traders, http: httpx.AsyncClient, body: dict, status: int, sentence: str
) -> None:
    await traders.publish(scene.app_order())
    answer = await http.put(
        "/apporders?chainId=31337", json=body, headers={"authorization": await token(http, "developer")}
    )
    assert (answer.status_code, answer.json()["ok"]) == (status, False)
    assert sentence in answer.json()["error"]
    assert len(await traders.apps()) == 1


async def token(http: httpx.AsyncClient, name: str) -> str:
    key = development_key(name)
    challenge = (await http.get(f"/challenge?chainId=31337&address={key.address}")).json()["data"]
    return str(answer(31337, challenge["message"]["challenge"], key))


async def test_a_token_counts_once(scene: Market, http: httpx.AsyncClient) -> None:
    once = {"authorization": await token(http, "developer")}
    for order, status in ((scene.app_order(), 200), (scene.app_order(appprice=1), 403)):
        answer = await http.post("/apporders?chainId=31337", json={"order": to_document(order)}, headers=once)
        assert answer.status_code == status
    assert answer.json()["error"] == "invalid authorization"
    assert answer.json()["ok"] is False


@pytest.mark.parametrize("header", ["", "x", "0x_0x_0x", "0x" + "11" * 32 + "_0x" + "22" * 65 + "_0x" + "33" * 20])
async def test_nobody_writes_without_a_token(scene: Market, http: httpx.AsyncClient, header: str) -> None:
    body = {"order": to_document(scene.app_order())}
    answer = await http.post("/apporders?chainId=31337", json=body, headers={"authorization": header})
    assert (answer.status_code, answer.json()["error"]) == (403, "invalid authorization")


async def test_a_challenge_for_one_account_is_no_token_of_another(scene: Market, http: httpx.AsyncClient) -> None:
    digest, _, _ = (await token(http, "developer")).split("_")
    thief = development_key("thief")
    signature = thief.sign(bytes.fromhex(digest[2:])).hex()
    forged = {"authorization": f"{digest}_0x{signature}_{thief.address}"}
    answer = await http.post("/apporders?chainId=31337", json={"order": to_document(scene.app_order())}, headers=forged)
    assert answer.status_code == 403


async def test_only_the_signer_publishes_an_order(scene: Market, traders: Traders) -> None:
    with pytest.raises(OrderRefused, match="only order signer"):
        await traders.publish(scene.app_order(), who="stranger")


def test_a_client_signs_challenges_and_nothing_else() -> None:
    with pytest.raises(ServiceUnavailable, match="not a valid challenge"):
        answer(31337, "I give my app away", development_key("developer"))


async def test_open_orders_are_limited_for_each_signer(scene: Market, traders: Traders) -> None:
    orders = [scene.app_order(salt=to_digest(bytes([number]) * 32)) for number in range(4)]
    for order in orders[:3]:
        await traders.publish(order)
    with pytest.raises(OrderRefused, match="3 open apporders"):
        await traders.publish(orders[3])
    await scene.hub.cancel(scene.wallet("developer"), orders[0])
    await traders.publish(orders[3])


async def test_orders_that_come_at_one_moment_find_no_more_room_than_others(scene: Market, traders: Traders) -> None:
    orders = [scene.app_order(salt=to_digest(bytes([number]) * 32)) for number in range(12)]
    outcomes = await asyncio.gather(*map(traders.publish, orders), return_exceptions=True)
    refused = [each for each in outcomes if isinstance(each, OrderRefused)]
    assert (len(outcomes) - len(refused), {each.check for each in refused}) == (3, {"room"})
    assert len(await traders.apps()) == 3


async def test_an_order_that_comes_twice_at_one_moment_is_listed_once(scene: Market, traders: Traders) -> None:
    outcomes = await asyncio.gather(*[traders.publish(scene.pool_order()) for _ in range(6)], return_exceptions=True)
    refused = [each for each in outcomes if isinstance(each, OrderRefused)]
    assert (len(refused), {each.check for each in refused}) == (5, {"published"})


async def test_the_new_owner_of_an_asset_may_publish_at_once(scene: Market, traders: Traders) -> None:
    stranger = development_key("stranger")
    await scene.assets.transfer(scene.wallet("developer"), "App", scene.app, stranger.address)
    await traders.publish(sign_order(AppOrder(app=scene.app, appprice=1), scene.orders, stranger), who="stranger")
    assert [each.owner for each in await traders.apps()] == [stranger.address]


async def test_an_unknown_order_is_not_found(traders: Traders, scene: Market) -> None:
    with pytest.raises(NotFound):
        await traders.status(scene.app_order(), to_digest(bytes(32)))

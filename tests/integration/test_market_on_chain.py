from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig, revert, snapshot
from sealgrid.chain.node import Node
from sealgrid.errors import InputRefused, NotFound, OrderRefused
from sealgrid.market.api import handlers
from sealgrid.market.config import MarketConfig
from sealgrid.market.runner import check_place, desk_of
from sealgrid.market.store import OrderStore
from sealgrid.poco.orders import AppOrder, from_document, to_document
from sealgrid.poco.typed_data import order_hash, sign_order
from sealgrid.units import to_address, to_digest
from sealgrid.wire.market import MarketClient
from sealgrid.wire.serving import service
from sealgrid.wire.transport import error_of
from tests.contracts.scene import Market, open_market

pytestmark = pytest.mark.chain

ROOT = Path(__file__).parents[2]


class InProcess:
    """The market's application without a socket; everything else as over HTTP."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        answer = await self.client.request(method, path, content=body or None)
        if answer.is_success:
            return answer.content
        raise error_of(answer.content, answer.status_code)


@pytest.fixture(scope="module")
async def opened() -> AsyncIterator[Market]:
    anvil = AnvilConfig(binary=ROOT / ".cache/anvil/bin/anvil")
    async with await Anvil.start(anvil) as chain, Node(chain.url) as node:
        yield await open_market(node, ROOT / ".cache/poco")


@pytest.fixture
async def scene(opened: Market) -> AsyncIterator[Market]:
    before = await snapshot(opened.node)
    yield opened
    await revert(opened.node, before)


@pytest.fixture
def config(scene: Market, tmp_path: Path) -> MarketConfig:
    place = scene.deployment
    return MarketConfig(
        folder=tmp_path,
        rpc_url=scene.node.url,
        chain=place.chain,
        genesis=place.genesis,
        hub=place.hub,
        orders_per_signer=3,
    )


@pytest.fixture
async def http(scene: Market, config: MarketConfig) -> AsyncIterator[httpx.AsyncClient]:
    store = OrderStore(config.folder / "market.sqlite")
    app = service(handlers(desk_of(config, scene.node, store), config.chain))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        yield client
    store.close()


@pytest.fixture
def client(http: httpx.AsyncClient, config: MarketConfig) -> MarketClient:
    return MarketClient(InProcess(http), config.chain)


async def test_every_kind_of_signed_order_is_published_and_found(scene: Market, client: MarketClient) -> None:
    app, dataset, pool, request = scene.app_order(), scene.dataset_order(), scene.pool_order(), scene.request()
    assert await client.publish("apporders", to_document(app)) == order_hash(app, scene.orders)
    await client.publish("datasetorders", to_document(dataset))
    await client.publish("workerpoolorders", to_document(pool))
    await client.publish("requestorders", to_document(request))
    (found,) = await client.orders("apporders", app=scene.app)
    assert (from_document(AppOrder, found.order), found.remaining) == (app, 1000)
    assert found.signer == development_key("developer").address
    assert [len(await client.orders("datasetorders", app=asked)) for asked in (scene.app, scene.pool)] == [1, 0]
    assert len(await client.orders("workerpoolorders", category="0")) == 1
    assert len(await client.orders("requestorders", requester=request.requester)) == 1


async def test_an_order_shows_how_much_the_chain_left_of_it_and_vanishes_with_its_last_use(
    scene: Market, client: MarketClient, http: httpx.AsyncClient
) -> None:
    request = scene.request(volume=2)
    published = await client.publish("requestorders", to_document(request))
    app = await client.publish("apporders", to_document(scene.app_order()))
    await scene.deal()
    assert (await client.orders("apporders"))[0].remaining == 998
    assert await client.orders("requestorders") == ()
    assert (await http.get(f"/apporders/{app}")).json()["remaining"] == 998
    assert (await http.get(f"/requestorders/{published}")).status_code == 404


async def test_an_order_whose_signer_sold_the_asset_is_not_offered_and_the_new_owner_may_publish(
    scene: Market, client: MarketClient
) -> None:
    await client.publish("apporders", to_document(scene.app_order()))
    stranger = development_key("stranger")
    await scene.assets.transfer(scene.wallet("developer"), "App", scene.app, stranger.address)
    assert await client.orders("apporders") == ()
    theirs = sign_order(AppOrder(app=scene.app, appprice=1), scene.orders, stranger)
    await client.publish("apporders", to_document(theirs))
    assert [each.signer for each in await client.orders("apporders")] == [stranger.address]


async def test_a_cancelled_order_is_neither_offered_nor_published_again(scene: Market, client: MarketClient) -> None:
    order = scene.app_order()
    await client.publish("apporders", to_document(order))
    await scene.hub.cancel(scene.wallet("developer"), order)
    assert await client.orders("apporders") == ()
    with pytest.raises(OrderRefused, match="no use left"):
        await client.publish("apporders", to_document(order))


async def test_1_an_order_that_is_not_written_as_orders_are_is_refused(scene: Market, client: MarketClient) -> None:
    document = to_document(scene.app_order())
    for spoilt in ({**document, "colour": "red"}, {**document, "appprice": "-1"}, {**document, "app": "0x12"}):
        with pytest.raises(OrderRefused):
            await client.publish("apporders", spoilt)


async def test_2_an_asset_that_is_not_this_hubs_is_refused(scene: Market, client: MarketClient) -> None:
    order = sign_order(AppOrder(app=to_address(b"\x12" * 20)), scene.orders, development_key("developer"))
    with pytest.raises(OrderRefused, match="no app of this hub"):
        await client.publish("apporders", to_document(order))


@pytest.mark.parametrize("signature", [b"", b"\x01" * 65, b"\x01" * 64])
async def test_3_an_order_without_its_owners_signature_is_refused(
    scene: Market, client: MarketClient, signature: bytes
) -> None:
    order = msgspec.structs.replace(scene.app_order(), sign=signature)
    with pytest.raises(OrderRefused, match="not signed by"):
        await client.publish("apporders", to_document(order))


async def test_3_an_order_that_someone_else_signed_is_refused(scene: Market, client: MarketClient) -> None:
    order = sign_order(scene.app_order(), scene.orders, development_key("thief"))
    with pytest.raises(OrderRefused, match="not signed by"):
        await client.publish("apporders", to_document(order))


async def test_4_an_order_without_a_use_is_refused(scene: Market, client: MarketClient) -> None:
    with pytest.raises(OrderRefused, match="no use left"):
        await client.publish("apporders", to_document(scene.app_order(volume=0)))


async def test_5_a_signer_has_room_for_so_many_open_orders(scene: Market, client: MarketClient) -> None:
    orders = [scene.app_order(salt=to_digest(bytes([number]) * 32)) for number in range(4)]
    for order in orders[:3]:
        await client.publish("apporders", to_document(order))
    with pytest.raises(OrderRefused, match="has 3 open apporders"):
        await client.publish("apporders", to_document(orders[3]))
    await scene.hub.cancel(scene.wallet("developer"), orders[0])
    await client.publish("apporders", to_document(orders[3]))


async def test_questions_that_make_no_sense_are_answered_in_one_sentence(http: httpx.AsyncClient) -> None:
    for path, status in (
        ("/apporders?chainId=1", 400),
        ("/apporders?colour=red", 400),
        ("/apporders?pageSize=0", 400),
        ("/apporders?pageIndex=x", 400),
        ("/sandwiches", 404),
        ("/apporders/0x12", 404),
    ):
        answer = await http.get(path)
        assert (answer.status_code, path) == (status, path)
        assert answer.json()["error"]


async def test_pages_are_cut_from_the_cheapest_on(scene: Market, http: httpx.AsyncClient, client: MarketClient) -> None:
    for price in (5, 1, 3):
        await client.publish("apporders", to_document(scene.app_order(appprice=price)))
    page = (await http.get("/apporders?pageSize=2&pageIndex=1")).json()
    assert ([each["order"]["appprice"] for each in page["orders"]], page["count"]) == (["5"], 3)


async def test_a_market_refuses_to_start_on_another_chain(scene: Market, config: MarketConfig) -> None:
    other = MarketConfig(
        folder=config.folder, rpc_url=config.rpc_url, chain=config.chain, genesis=to_digest(bytes(32)), hub=config.hub
    )
    with pytest.raises(InputRefused, match="another one"):
        await check_place(other, scene.node)


async def test_an_unknown_order_is_not_found(client: MarketClient, http: httpx.AsyncClient) -> None:
    with pytest.raises(NotFound):
        await InProcess(http).request("GET", f"/apporders/{to_digest(bytes(32))}")

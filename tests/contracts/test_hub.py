"""What the hub says and does, on a real one."""

from typing import Any

import msgspec
import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.events import OrdersMatched, SchedulerNotice, TaskFinalize, parse_events
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.chain.views import ContributionStatus, TaskStatus
from sealgrid.errors import ChainError, ContractReverted, NotFound, ServiceUnavailable
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.poco.orders import BULK_VOLUME, NO_DATASET_ORDER
from sealgrid.poco.tags import NO_TAG, TEE_TAG
from sealgrid.poco.typed_data import order_hash
from sealgrid.units import ZERO_ADDRESS, DealId, to_address, to_digest
from tests.contracts.scene import APP_DIGEST, DATASET_CHECKSUM, POOL_PRICE, TERMS, Attempt, Market

pytestmark = pytest.mark.chain
ANYBODY = to_address(b"\x66" * 20)


async def test_a_deal_has_the_terms_of_its_orders(market: Market) -> None:
    request = market.request(category=market.deployment.categories["XS"])
    deal = await market.deal()
    view = await market.hub.view_deal(deal)
    assert deal == deal_id(order_hash(request, market.orders), 0)
    assert (view.app.pointer, view.dataset.pointer, view.workerpool.pointer) == (
        market.app,
        market.dataset,
        market.pool,
    )
    assert view.app.owner == development_key("developer").address
    assert (view.requester, view.sponsor, view.beneficiary) == (request.requester,) * 3
    assert (view.tag, view.trust, view.params) == (TEE_TAG, 1, request.params)
    assert (view.bot_first, view.bot_size, view.workerpool.price) == (0, request.volume, POOL_PRICE)
    assert view.start_time == (await market.node.block()).timestamp


async def test_the_second_deal_of_a_request_begins_where_the_first_ended(market: Market) -> None:
    pool = market.pool_order(volume=1)
    orders = (market.app_order(), market.dataset_order())
    first = await market.hub.match_orders(market.wallet("requester"), *orders, pool, market.request())
    again = market.pool_order(volume=1, salt=to_digest(b"\x01" * 32))
    second = await market.hub.match_orders(market.wallet("requester"), *orders, again, market.request())
    request_hash = order_hash(market.request(), market.orders)
    assert [first, second] == [deal_id(request_hash, 0), deal_id(request_hash, 1)]
    assert await market.hub.view_consumed(request_hash) == 2
    assert await market.hub.initialize(market.wallet("pool"), second, 1) == task_id(second, 1)


async def test_a_deal_may_have_no_dataset(market: Market) -> None:
    request = market.request(dataset=ZERO_ADDRESS)
    deal = await market.hub.match_orders(
        market.wallet("stranger"), market.app_order(), NO_DATASET_ORDER, market.pool_order(), request
    )
    assert (await market.hub.view_deal(deal)).dataset.pointer == ZERO_ADDRESS


async def test_the_order_hashes_are_the_hubs_own(market: Market) -> None:
    orders = (market.app_order(), market.dataset_order(), market.pool_order(), market.request())
    data = [event for event in await all_events(market, orders) if isinstance(event, OrdersMatched)]
    hashes = [order_hash(order, market.orders) for order in orders]
    assert [data[0].app_hash, data[0].dataset_hash, data[0].workerpool_hash, data[0].request_hash] == hashes


async def all_events(market: Market, orders: tuple) -> list:
    await market.hub.match_orders(market.wallet("requester"), *orders)
    head = await market.node.block()
    return parse_events(await market.node.logs_of_block(market.hub.address, head.hash))


async def test_the_pool_is_notified(market: Market) -> None:
    deal = await market.deal()
    head = await market.node.block()
    notices = [
        event
        for event in parse_events(await market.node.logs_of_block(market.hub.address, head.hash))
        if isinstance(event, SchedulerNotice)
    ]
    assert [(notice.workerpool, notice.deal) for notice in notices] == [(market.pool, deal)]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"category": 1}, "another category"),
        ({"appmaxprice": 1}, "The app costs more"),
        ({"datasetmaxprice": 1}, "The dataset costs more"),
        ({"workerpoolmaxprice": 1}, "The workerpool costs more"),
        ({"trust": 5}, "more trust"),
        ({"workerpool": "0x" + "11" * 20}, "restricted to another workerpool"),
        ({"requester": development_key("owner").address}, "not signed by its requester"),
        ({"tag": to_digest((1 << 8).to_bytes(32, "big"))}, "lacks a feature"),
    ],
)
async def test_a_request_that_does_not_match_is_refused_with_a_reason(
    market: Market, change: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ContractReverted, match=sentence):
        await market.hub.match_orders(
            market.wallet("requester"),
            market.app_order(),
            market.dataset_order(),
            market.pool_order(),
            market.request(**change),
        )


async def test_an_app_that_is_not_made_for_enclaves_gets_no_confidential_deal(market: Market) -> None:
    orders = (market.app_order(tag=NO_TAG), market.dataset_order(), market.pool_order(), market.request())
    with pytest.raises(ContractReverted, match="does not say that the app runs in one"):
        await market.hub.match_orders(market.wallet("requester"), *orders)


async def test_a_cancelled_order_matches_no_more(market: Market) -> None:
    order = market.dataset_order()
    await market.hub.cancel(market.wallet("owner"), order)
    assert await market.hub.view_consumed(order_hash(order, market.orders)) == order.volume
    with pytest.raises(ContractReverted, match="used up or was cancelled"):
        await market.deal()


async def test_an_order_of_a_former_owner_matches_no_more(market: Market) -> None:
    heir = development_key("publisher").address
    await market.assets.transfer(market.wallet("owner"), "Dataset", market.dataset, heir)
    assert await market.assets.owner(market.dataset) == heir
    with pytest.raises(ContractReverted, match="present owner"):
        await market.deal()


async def test_assets_say_what_they_were_registered_with(market: Market) -> None:
    assets = market.assets
    assert await assets.checksum("App", market.app) == APP_DIGEST
    assert await assets.checksum("Dataset", market.dataset) == DATASET_CHECKSUM
    assert await assets.multiaddr("Dataset", market.dataset) == "/ipfs/model"
    assert [await assets.name("App", market.app), await assets.name("Workerpool", market.pool)] == ["reader", "pool"]
    assert await assets.owner(market.app) == development_key("developer").address
    assert await assets.is_registered("Dataset", market.dataset)
    assert not await assets.is_registered("Dataset", market.app)


async def test_registering_the_same_dataset_twice_gives_the_same_dataset(market: Market) -> None:
    terms = {"name": "model", "multiaddr": "/ipfs/model", "checksum": DATASET_CHECKSUM}
    assert await market.assets.create_dataset(market.wallet("owner"), **terms) == market.dataset
    assert await market.assets.create_dataset(market.wallet("stranger"), **terms) != market.dataset


async def test_a_state_is_read_as_it_was_at_a_block(good: Attempt) -> None:
    before = await good.market.node.block()
    await good.publish()
    hub = good.market.hub
    assert (await hub.view_task(good.task, at=before.hash)).status == TaskStatus.ACTIVE
    assert (await hub.view_task(good.task)).status == TaskStatus.COMPLETED
    contribution = await hub.view_contribution(good.task, good.worker, at=before.hash)
    assert contribution.status == ContributionStatus.UNSET


async def test_the_results_hint_is_in_the_final_event(good: Attempt) -> None:
    await good.publish()
    head = await good.market.node.block()
    events = parse_events(await good.market.node.logs_of_block(good.market.hub.address, head.hash))
    final = [event for event in events if isinstance(event, TaskFinalize)]
    assert [(event.task, event.results) for event in final] == [(good.task, b'{"storage":"ipfs"}')]


async def test_the_hub_calls_our_broker(market: Market) -> None:
    assert await market.hub.teebroker() == market.broker.address
    assert await market.broker.vaults() == TERMS.vaults
    assert (await market.hub.view_category(market.deployment.categories["Short"])).timeref == 30
    assert await market.hub.count_categories() == 6


async def test_the_head_is_confirmed_once_and_its_parent_twice(market: Market) -> None:
    head = await market.node.block()
    assert await market.node.confirmed_block() == head
    assert (await market.node.confirmed_block(2)).hash == head.parent
    assert (await market.node.confirmed_block(10_000)).number == 0


async def test_an_unknown_deal_is_not_found(market: Market) -> None:
    with pytest.raises(NotFound):
        await market.hub.view_deal(to_digest(b"\x01" * 32))


async def test_an_address_without_a_contract_is_said_to_be_empty(market: Market) -> None:
    with pytest.raises(ChainError, match="there is no contract"):
        await Hub(market.node, development_key("stranger").address).teebroker()


async def test_a_silent_node_is_unavailable() -> None:
    async with Node("http://127.0.0.1:9") as node:
        with pytest.raises(ServiceUnavailable):
            await node.chain()


FREE = {"datasetprice": 0, "volume": BULK_VOLUME}
FOR_EVER = "0x5b600056"  #: JUMPDEST PUSH1 0 JUMP


@pytest.fixture
async def bulk_deal(market: Market) -> DealId:
    """A deal without a dataset, as those of iExec's bulks are."""
    request = market.request(dataset=ZERO_ADDRESS)
    wallet = market.wallet("requester")
    return await market.hub.match_orders(wallet, market.app_order(), NO_DATASET_ORDER, market.pool_order(), request)


async def test_a_deal_without_a_dataset_may_use_one_whose_owner_signed_for_it(
    market: Market, bulk_deal: DealId
) -> None:
    at = (await market.node.block()).hash
    assert await market.hub.fits_in_bulk(market.dataset_order(**FREE), bulk_deal, at=at)
    assert await market.hub.fits_in_bulk(market.dataset_order(), bulk_deal), "what it costs is not the hub's question"


@pytest.mark.parametrize(
    "changes",
    [
        {"apprestrict": ANYBODY},
        {"workerpoolrestrict": ANYBODY},
        {"requesterrestrict": ANYBODY},
        {"tag": to_digest((1 << 8 | 9).to_bytes(32, "big"))},
        {"dataset": ANYBODY},
    ],
    ids=["another app", "another pool", "another requester", "a tag", "no dataset"],
)
async def test_an_order_that_restricts_otherwise_does_not_fit_a_bulk(
    market: Market, bulk_deal: DealId, changes: dict[str, Any]
) -> None:
    assert not await market.hub.fits_in_bulk(market.dataset_order(**FREE | changes), bulk_deal)


async def test_an_order_that_its_owner_did_not_sign_does_not_fit_a_bulk(market: Market, bulk_deal: DealId) -> None:
    order = market.dataset_order(**FREE)
    assert not await market.hub.fits_in_bulk(msgspec.structs.replace(order, sign=bytes(65)), bulk_deal)


async def test_an_order_fits_a_bulk_until_its_owner_closes_it(market: Market, bulk_deal: DealId) -> None:
    order = market.dataset_order(**FREE)
    before = (await market.node.block()).hash
    await market.hub.cancel(market.wallet("owner"), order)
    assert not await market.hub.fits_in_bulk(order, bulk_deal)
    assert await market.hub.fits_in_bulk(order, bulk_deal, at=before)


async def test_a_deal_that_has_a_dataset_or_is_none_has_no_bulk(market: Market) -> None:
    order = market.dataset_order(**FREE)
    assert not await market.hub.fits_in_bulk(order, await market.deal())
    assert not await market.hub.fits_in_bulk(order, DealId(to_digest(b"\x01" * 32)))


async def test_a_group_that_computes_for_ever_leaves_out_its_own_dataset_only(
    market: Market, bulk_deal: DealId
) -> None:
    group = to_address(b"\x77" * 20)
    await market.node.rpc("anvil_setCode", group, FOR_EVER)
    assert not await market.hub.fits_in_bulk(market.dataset_order(**FREE, requesterrestrict=group), bulk_deal)

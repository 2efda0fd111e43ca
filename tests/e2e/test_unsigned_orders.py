"""Presigned request orders, and orders that are in no calldata: their deals run, and receipts state who vouches for the signature."""

import msgspec
import pytest

from sealgrid.chain.abi import interface
from sealgrid.chain.hub import order_values
from sealgrid.chain.views import TaskStatus
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.poco.orders import NO_DATASET_ORDER, AppOrder, Order, RequestOrder, WorkerpoolOrder, to_document
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import order_hash, sign_order
from sealgrid.receipts.report import VerificationReport
from sealgrid.sdk.operations import fetch_receipt
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.units import TaskId
from tests.contracts.mocks import Mock
from tests.e2e.iexec_deals import cheapest, wait_ended

pytestmark = pytest.mark.localnet


async def four(people, app) -> tuple[Order, ...]:
    requester = people.requester
    pool = await cheapest(requester, WorkerpoolOrder, category=str(requester.network.short_category))
    app_order = await cheapest(requester, AppOrder, app=app)
    request = RequestOrder(
        app=app,
        appmaxprice=app_order.appprice,
        workerpool=pool.workerpool,
        workerpoolmaxprice=pool.workerpoolprice,
        requester=requester.address,
        beneficiary=requester.address,
        tag=TEE_TAG,
        category=pool.category,
        params="{}",
        salt=fresh_salt(),
    )
    return app_order, NO_DATASET_ORDER, pool, sign_order(request, requester.order_domain, requester.key)


async def verified(people, task: TaskId) -> VerificationReport:
    status, why = await wait_ended(people.requester, task)
    assert status is TaskStatus.COMPLETED, why
    report = await fetch_receipt.verify_online(
        people.requester, await fetch_receipt.fetch_receipt(people.requester, task)
    )
    assert report.ok, report.failed
    return report


async def test_a_presigned_request_runs_and_its_receipt_says_that_vaults_vouch_for_it(people, goods):
    *sellers, signed = await four(people, goods.app)
    request, requester = msgspec.structs.replace(signed, sign=b""), people.requester
    await requester.hub.presign(requester.wallet, request)
    deal = await requester.hub.match_orders(requester.wallet, *sellers, request)
    report = await verified(people, task_id(deal, 0))
    assert report.checks[-1].detail.endswith("presigned on chain: t vaults vouch for the requester's signature")


async def test_an_order_that_is_in_no_calldata_is_found_on_the_market(people, goods):
    orders, requester, stranger = await four(people, goods.app), people.requester, people.stranger
    await requester.market.publish("requestorders", to_document(orders[3]), requester.key)
    forwarder = await Mock.deploy("Forwarder", stranger.wallet)
    await forwarder.call("store", interface("Hub").call_data("matchOrders", *map(order_values, orders)))
    await forwarder.call("forward_stored", stranger.hub.address)
    deal = deal_id(order_hash(orders[3], requester.order_domain), 0)
    report = await verified(people, task_id(deal, 0))
    assert report.checks[-1].detail.endswith("the requester's own signature")

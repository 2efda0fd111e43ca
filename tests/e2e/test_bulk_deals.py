"""Many datasets in one deal, as iExec's client asks for them: each owner's order stays what it was, none is paid."""

import json
import os
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from sealgrid.chain.views import TaskStatus
from sealgrid.poco.ids import task_id
from sealgrid.poco.orders import BULK_VOLUME, DatasetOrder, to_document
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import sign_order
from sealgrid.sdk.operations import fetch_receipt
from sealgrid.sdk.operations.orders import fresh_salt
from sealgrid.sdk.operations.usage_evidence import usage_of
from sealgrid.units import ZERO_ADDRESS, Address, DealId, TaskId
from tests.e2e.iexec_deals import buy_deal, deploy_dataset, download_result, wait_ended

pytestmark = pytest.mark.localnet


@dataclass(frozen=True)
class Bulk:
    deal: DealId
    datasets: dict[str, Address]

    def task(self, index: int) -> TaskId:
        return task_id(self.deal, index)


async def added(conn, document: list[Any]) -> str:
    """Lay a list down as the SDK does it; return the address that IPFS nodes give it."""
    async with httpx.AsyncClient() as client:
        file = {"file": ("list", json.dumps(document).encode())}
        answer = await client.post(conn.network.storage_url + "/api/v0/add", files=file)
    return str(answer.raise_for_status().json()["Hash"])


def offered(owner, dataset: Address, app: Address, **changes: Any) -> dict[str, str]:
    usual = {"dataset": dataset, "volume": BULK_VOLUME, "tag": TEE_TAG, "apprestrict": app, "salt": fresh_salt()}
    return to_document(sign_order(DatasetOrder(**usual | changes), owner.order_domain, owner.key))


async def laid_down(conn, slices: list[list[dict[str, str]]]) -> str:
    return await added(conn, [await added(conn, each) for each in slices])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bulk(people, goods) -> Bulk:
    """Two tasks: over what an honest requester asks for, and over what owners and requesters may get wrong."""
    owner, stranger = people.owner, people.stranger
    names = ("one", "two", "any app", "sold", "closed", "never pushed", "split by a liar", "a stranger's word")
    split = {"split by a liar": {"split_key": os.urandom(32)}, "never pushed": {"pushing": False}}
    datasets = {
        name: await deploy_dataset(owner, f"{name} of a bulk", content=name.encode(), **split.get(name, {}))
        for name in names
    }
    closed = DatasetOrder(
        dataset=datasets["closed"], volume=BULK_VOLUME, tag=TEE_TAG, apprestrict=goods.app, salt=fresh_salt()
    )
    await owner.hub.cancel(owner.wallet, closed)
    changes: dict[str, dict[str, Any]] = {"any app": {"apprestrict": ZERO_ADDRESS}, "sold": {"datasetprice": 1}}
    orders = {
        name: offered(stranger if name == "a stranger's word" else owner, dataset, goods.app, **changes.get(name, {}))
        for name, dataset in datasets.items()
    }
    orders["closed"] = to_document(sign_order(closed, owner.order_domain, owner.key))
    cid = await laid_down(owner, [[orders["one"], orders["two"]], [orders["two"], *list(orders.values())[2:]]])
    params = {"iexec_args": "over many", "iexec_result_storage_provider": "ipfs", "bulk_cid": cid}
    return Bulk(await buy_deal(people, goods.app, ZERO_ADDRESS, params, tasks=2), datasets)


async def seen_by(conn, task: TaskId) -> tuple[dict[str, Any], dict[str, Any]]:
    status, why = await wait_ended(conn, task)
    assert status is TaskStatus.COMPLETED, why
    result = await download_result(conn, task)
    return json.loads(result.read("result.json")), json.loads(result.read("sealgrid.json"))


async def test_the_app_finds_each_dataset_of_its_slice_under_its_variable(people, bulk):
    seen, status = await seen_by(people.requester, bulk.task(0))
    assert (seen["bulk"], seen["dataset"]) == (["one", "two"], None)
    assert seen["environment"]["IEXEC_BULK_SLICE_SIZE"] == "2"
    assert seen["environment"]["IEXEC_DATASET_1_FILENAME"] == bulk.datasets["one"]
    assert (status["exit"], status["left_out"]) == (0, [])


async def test_an_order_that_does_not_hold_leaves_its_dataset_out_and_not_the_task(people, bulk):
    seen, status = await seen_by(people.requester, bulk.task(1))
    assert seen["bulk"] == ["two", None, None, None, None, None, None]
    assert [(each["place"], each["check"]) for each in status["left_out"]] == [
        (1, "7.12"),
        (2, "7.19"),
        (3, "7.18"),
        (4, "7.1"),
        (5, "7.1"),
        (6, "7.18"),
    ]


async def test_the_receipt_names_what_was_used_and_proves_that_each_release_was_logged(people, bulk):
    await wait_ended(people.requester, bulk.task(1))
    receipt = await fetch_receipt.fetch_receipt(people.requester, bulk.task(1))
    report = await fetch_receipt.verify_online(people.requester, receipt)
    assert report.ok, report.failed
    said = json.loads(receipt)
    assert [each["address"] for each in said["receipt"]["body"]["bulk"]] == [bulk.datasets["two"]]
    logged = [[json.loads(proof["entry"])["asset"] for proof in each["bulk"]] for each in said["releases"].values()]
    # A vault holds a share of the liar's key as well, and says so: only inside it is seen to open nothing.
    assert all(each == [bulk.datasets["two"], bulk.datasets["split by a liar"]] for each in logged)


async def test_the_owner_sees_every_use_of_each_dataset(people, bulk):
    for index in (0, 1):
        await wait_ended(people.requester, bulk.task(index))
    usage = await usage_of(people.owner, bulk.datasets["two"])
    assert {use.task for use in usage.uses} == {bulk.task(0), bulk.task(1)}
    assert usage.findings == ()


async def test_a_list_that_is_stored_nowhere_ends_the_task_before_any_key_is_given(people, goods):
    nowhere = "Qm" + "1" * 44
    deal = await buy_deal(people, goods.app, ZERO_ADDRESS, {"bulk_cid": nowhere})
    status, why = await wait_ended(people.requester, task_id(deal, 0))
    assert (status, "7.17" in why) == (TaskStatus.ACTIVE, True), why


async def test_a_dataset_whose_file_is_gone_is_named_so_that_the_requester_can_leave_it_out(people, goods):
    dataset = await deploy_dataset(people.owner, "gone of a bulk", storing=False)
    cid = await laid_down(people.owner, [[offered(people.owner, dataset, goods.app)]])
    deal = await buy_deal(people, goods.app, ZERO_ADDRESS, {"bulk_cid": cid})
    status, why = await wait_ended(people.requester, task_id(deal, 0))
    assert (status, dataset in why) == (TaskStatus.ACTIVE, True), why

"""Bulk deals of iExec's client over many datasets: they consume no owner's order and pay no owner."""

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


async def store_list(conn, document: list[Any]) -> str:
    """Store a list as the SDK does; return its IPFS address."""
    async with httpx.AsyncClient() as client:
        file = {"file": ("list", json.dumps(document).encode())}
        answer = await client.post(conn.network.storage_url + "/api/v0/add", files=file)
    return str(answer.raise_for_status().json()["Hash"])


def dataset_order(owner, dataset: Address, app: Address, **changes: Any) -> dict[str, str]:
    usual = {"dataset": dataset, "volume": BULK_VOLUME, "tag": TEE_TAG, "apprestrict": app, "salt": fresh_salt()}
    return to_document(sign_order(DatasetOrder(**usual | changes), owner.order_domain, owner.key))


async def store_slices(conn, slices: list[list[dict[str, str]]]) -> str:
    return await store_list(conn, [await store_list(conn, each) for each in slices])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bulk(people, goods) -> Bulk:
    """Buy two tasks: one with valid orders, and one with every mistake of owners and requesters."""
    owner, stranger = people.owner, people.stranger
    names = ("one", "two", "any app", "sold", "closed", "never pushed", "split wrongly", "signed by a stranger")
    split = {"split wrongly": {"split_key": os.urandom(32)}, "never pushed": {"pushing": False}}
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
        name: dataset_order(
            stranger if name == "signed by a stranger" else owner, dataset, goods.app, **changes.get(name, {})
        )
        for name, dataset in datasets.items()
    }
    orders["closed"] = to_document(sign_order(closed, owner.order_domain, owner.key))
    cid = await store_slices(owner, [[orders["one"], orders["two"]], [orders["two"], *list(orders.values())[2:]]])
    params = {"iexec_args": "over many", "iexec_result_storage_provider": "ipfs", "bulk_cid": cid}
    return Bulk(await buy_deal(people, goods.app, ZERO_ADDRESS, params, tasks=2), datasets)


async def outputs_of(conn, task: TaskId) -> tuple[dict[str, Any], dict[str, Any]]:
    status, why = await wait_ended(conn, task)
    assert status is TaskStatus.COMPLETED, why
    result = await download_result(conn, task)
    return json.loads(result.read("result.json")), json.loads(result.read("sealgrid.json"))


async def test_the_app_finds_each_dataset_of_its_slice_under_its_variable(people, bulk):
    app_output, status = await outputs_of(people.requester, bulk.task(0))
    assert (app_output["bulk"], app_output["dataset"]) == (["one", "two"], None)
    assert app_output["environment"]["IEXEC_BULK_SLICE_SIZE"] == "2"
    assert app_output["environment"]["IEXEC_DATASET_1_FILENAME"] == bulk.datasets["one"]
    assert (status["exit"], status["left_out"]) == (0, [])


async def test_an_invalid_order_leaves_out_its_dataset_and_does_not_stop_the_task(people, bulk):
    app_output, status = await outputs_of(people.requester, bulk.task(1))
    assert app_output["bulk"] == ["two", None, None, None, None, None, None]
    named = [app_output["environment"][f"IEXEC_DATASET_{place}_FILENAME"] for place in range(1, 8)]
    assert named == list(bulk.datasets.values())[1:], "also the datasets that were left out"
    assert [(each["place"], each["check"]) for each in status["left_out"]] == [
        (1, "7.12"),
        (2, "7.19"),
        (3, "7.18"),
        (4, "7.1"),
        (5, "7.1"),
        (6, "7.18"),
    ]


async def test_the_receipt_names_the_used_datasets_and_proves_that_each_release_was_logged(people, bulk):
    await wait_ended(people.requester, bulk.task(1))
    receipt = await fetch_receipt.fetch_receipt(people.requester, bulk.task(1))
    report = await fetch_receipt.verify_online(people.requester, receipt)
    assert report.ok, report.failed
    document = json.loads(receipt)
    assert [each["address"] for each in document["receipt"]["body"]["bulk"]] == [bulk.datasets["two"]]
    logged = [[json.loads(proof["entry"])["asset"] for proof in each["bulk"]] for each in document["releases"].values()]
    # A vault also has a share of the wrongly split key and logs its release: only the enclave detects that it opens no file.
    assert all(each == [bulk.datasets["two"], bulk.datasets["split wrongly"]] for each in logged)


async def test_the_owner_sees_every_use_of_each_dataset(people, bulk):
    for index in (0, 1):
        await wait_ended(people.requester, bulk.task(index))
    usage = await usage_of(people.owner, bulk.datasets["two"])
    assert {use.task for use in usage.uses} == {bulk.task(0), bulk.task(1)}
    assert usage.findings == ()


async def test_a_missing_list_ends_the_task_before_any_key_is_released(people, goods):
    missing = "Qm" + "1" * 44
    deal = await buy_deal(people, goods.app, ZERO_ADDRESS, {"bulk_cid": missing})
    status, why = await wait_ended(people.requester, task_id(deal, 0))
    assert (status, "7.17" in why) == (TaskStatus.ACTIVE, True), why


@pytest.mark.long
async def test_the_error_names_a_dataset_whose_file_is_missing(people, goods):
    dataset = await deploy_dataset(people.owner, "gone of a bulk", storing=False)
    cid = await store_slices(people.owner, [[dataset_order(people.owner, dataset, goods.app)]])
    deal = await buy_deal(people, goods.app, ZERO_ADDRESS, {"bulk_cid": cid})
    status, why = await wait_ended(people.requester, task_id(deal, 0))
    assert (status, dataset in why) == (TaskStatus.ACTIVE, True), why

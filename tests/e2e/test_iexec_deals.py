"""Deals of iExec's own client in an enclave: dataset, params, result."""

import hashlib
import json
import os

import httpx
import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.poco.ids import task_id
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import fetch_receipt
from sealgrid.units import ZERO_ADDRESS, to_digest
from tests.e2e.iexec_deals import TABLE, buy_deal, deploy_dataset, download_result, wait_ended

pytestmark = pytest.mark.localnet

IEXEC_PARAMS = {"iexec_args": "--fast", "iexec_result_storage_provider": "ipfs"}


async def test_a_deal_of_iexecs_client_runs_on_its_dataset_and_its_result_is_a_public_zip(people, goods):
    task = task_id(await buy_deal(people, goods.app, goods.dataset, IEXEC_PARAMS), 0)
    status, why = await wait_ended(people.requester, task)
    assert status is TaskStatus.COMPLETED, why
    result = await download_result(people.requester, task)
    app_output = json.loads(result.read("result.json"))
    assert app_output["dataset"].encode() == TABLE
    assert app_output["args"] == ["--fast"]
    assert app_output["environment"]["IEXEC_DATASET_ADDRESS"] == goods.dataset
    digest = hashlib.sha256(result.read("result.json")).hexdigest()
    assert json.loads(result.read("sealgrid.json")) == {"exit": 0, "digest": "0x" + digest}


async def test_an_app_reads_the_public_input_files_of_iexecs_client_whose_digests_the_params_name(people, goods):
    storage = people.requester.network.storage_url
    async with httpx.AsyncClient(base_url=storage) as client:
        added = await client.post("/api/v0/add", files={"file": ("letter", b"a public letter")})
    digest = hashlib.sha256(b"a public letter").hexdigest()
    url = f"{storage}/ipfs/{added.raise_for_status().json()['Hash']}#sha256={digest}"
    deal = await buy_deal(people, goods.app, ZERO_ADDRESS, {"iexec_input_files": [url]})
    status, why = await wait_ended(people.requester, task_id(deal, 0))
    assert status is TaskStatus.COMPLETED, why
    result = await download_result(people.requester, task_id(deal, 0))
    assert json.loads(result.read("result.json"))["files"] == ["a public letter"]


async def test_every_check_of_such_a_tasks_receipt_holds(people, goods):
    task = task_id(await buy_deal(people, goods.app, ZERO_ADDRESS, {"iexec_args": ""}), 0)
    assert (await wait_ended(people.requester, task))[0] is TaskStatus.COMPLETED
    report = await fetch_receipt.verify_online(
        people.requester, await fetch_receipt.fetch_receipt(people.requester, task)
    )
    assert report.ok, report.failed


async def settled_refusal(conn, task) -> str:
    """Return the number by which t vaults refused a deal whose task was settled without running its app."""
    assert (await wait_ended(conn, task))[0] is TaskStatus.COMPLETED
    return parse_envelope(await fetch_receipt.fetch_receipt(conn, task)).refusal


@pytest.mark.parametrize("restricted", [{"apprestrict": ZERO_ADDRESS}], ids=["open to any app"])
async def test_the_key_of_a_dataset_that_is_sold_to_any_app_is_released_to_none(people, goods, restricted):
    deal = await buy_deal(people, goods.app, goods.dataset, IEXEC_PARAMS, **restricted)
    assert await settled_refusal(people.requester, task_id(deal, 0)) == "7.12"


async def test_a_wrongly_split_key_fails_with_an_error_that_says_so(people, goods):
    dataset = await deploy_dataset(people.owner, "split wrongly", split_key=os.urandom(32))
    deal = await buy_deal(people, goods.app, dataset, IEXEC_PARAMS)
    status, why = await wait_ended(people.requester, task_id(deal, 0))
    assert (status, "its owner pushed" in why) == (TaskStatus.ACTIVE, True), why


async def test_a_secret_of_another_account_is_not_released(people, goods):
    async with httpx.AsyncClient(base_url=people.stranger.network.sms_url) as client:
        signature = people.stranger.key.sign(
            named_secret_digest(people.stranger.address, "mine", to_digest(keccak256(b"a password")))
        )
        path = f"/requesters/{people.stranger.address}/secrets/mine"
        answer = await client.post(path, content=b"a password", headers={"authorization": "0x" + signature.hex()})
    assert answer.status_code == 204
    deal = await buy_deal(people, goods.app, ZERO_ADDRESS, {"iexec_secrets": {"1": "mine"}})
    assert await settled_refusal(people.requester, task_id(deal, 0)) == "7.16"

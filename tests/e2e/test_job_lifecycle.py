"""A complete job on a local network: sealed model, sealed input, enclave, settlement, receipt, payments."""

import asyncio
import base64
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from sealgrid.demos.common.leak_search import search
from sealgrid.errors import DealRefused, OrderRefused
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import buy, deploy, fetch_receipt, open_result, publish
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS
from sealgrid.worker.exposure_log import exposure_file

ROOT = Path(__file__).resolve().parents[2]
APP_PRICE, MODEL_PRICE = 3_000, 10_000
SECONDS = 60

pytestmark = pytest.mark.localnet


@dataclass(frozen=True)
class Sold:
    app: deploy.DeployedApp
    model: publish.PublishedModel
    content: bytes


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sold(people, tmp_path_factory) -> Sold:
    source = tmp_path_factory.mktemp("owner") / "model.bin"
    source.write_bytes(os.urandom(300_000))
    # A separate app: other tests offer the shipped one at other prices, and clients buy the cheapest.
    folder = shutil.copytree(
        ROOT / "src/sealgrid/shipped_apps" / "hash_file", tmp_path_factory.mktemp("developer") / "app"
    )
    (folder / "app.toml").write_text((folder / "app.toml").read_text().replace('"hash-file"', '"hash-file-sold"'))
    app = await deploy.deploy(people.developer, folder, price=APP_PRICE)
    model = await publish.publish(people.owner, source, name="weights", apps=[app.address], price=MODEL_PRICE)
    return Sold(app, model, source.read_bytes())


@dataclass(frozen=True)
class Done:
    job: buy.PurchasedTask
    envelope: bytes
    result: open_result.RunResult
    secret: bytes
    stages: list[str]


async def run_to_the_end(
    requester, app, model=ZERO_ADDRESS, files=()
) -> tuple[buy.PurchasedTask, bytes, open_result.RunResult, list[str]]:
    stages: list[str] = []
    job = await buy.run(requester, RunRequest(app, model=model, files=files))
    await asyncio.wait_for(follow(requester, job, lambda stage: stages.append(stage.stage)), SECONDS)
    envelope = await fetch_receipt.fetch_receipt(requester, job.task)
    return (
        job,
        envelope,
        await open_result.open_result(requester, parse_envelope(envelope).settle, job.result_key),
        stages,
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def done(people, sold) -> Done:
    secret = os.urandom(100_000)
    job, envelope, result, stages = await run_to_the_end(
        people.requester, sold.app.address, sold.model.address, [("letter.txt", secret)]
    )
    return Done(job, envelope, result, secret, stages)


def test_the_app_reads_the_model_and_the_input_in_clear(sold, done):
    assert done.result.json() == {
        "dataset": hashlib.sha256(sold.content).hexdigest(),
        "files": [{"name": "letter.txt", "sha256": hashlib.sha256(done.secret).hexdigest()}],
    }


def test_the_requester_gets_every_stage_in_order(done):
    expected = ["waiting", "assigned", "launched", "attested", "released", "running", "sealed", "settled"]
    assert done.stages[: len(expected)] == expected
    assert set(done.stages[len(expected) :]) <= {"finalizing", "completed"}  # the chain may complete first


async def test_every_check_of_the_receipt_holds_on_line(people, done):
    report = await fetch_receipt.verify_online(people.stranger, done.envelope)
    assert [check.number for check in report.checks] == list(range(1, 21))
    assert report.ok, report.failed


async def test_a_receipt_of_one_task_does_not_pass_for_another(people, sold, done):
    _, other, _, _ = await run_to_the_end(people.requester, sold.app.address, sold.model.address, [("b", b"b")])
    body = parse_envelope(done.envelope).receipt.body
    mixed = done.envelope.replace(body.task.encode(), parse_envelope(other).receipt.body.task.encode())
    assert not (await fetch_receipt.verify_online(people.stranger, mixed)).ok


async def test_all_parties_are_paid_and_the_sum_is_the_requesters_price(people, sold, done):
    paid = {payment.account: payment.amount for payment in await people.requester.hub.payments(done.job.task)}
    assert paid[people.developer.address] == APP_PRICE
    assert paid[people.owner.address] == MODEL_PRICE
    pool_price = done.job.terms.workerpool.workerpoolprice
    assert sum(paid.values()) == APP_PRICE + MODEL_PRICE + pool_price


async def test_the_result_does_not_open_with_another_key(people, done):
    from sealgrid.crypto.hpke import HpkeKey
    from sealgrid.errors import ContainerRefused

    settled = parse_envelope(done.envelope).settle
    with pytest.raises(ContainerRefused):
        await open_result.open_result(people.stranger, settled, HpkeKey.generate())


async def test_nothing_secret_is_found_on_the_machine_and_a_planted_window_is(localnet, sold, done):
    secrets = {"model": sold.content, "input": done.secret, "result": done.result.files["result.json"] * 50}
    folders = [path for path in localnet.layout.root.iterdir() if path.is_dir()]
    planted = localnet.layout.part("worker") / "planted"
    planted.write_bytes(os.urandom(5_000) + sold.content[1_000:2_000] + os.urandom(5_000))
    wide = {"model": sold.content[1_000:2_000]}
    try:
        assert search(folders, wide).found == (f"model in {planted}",)
    finally:
        planted.unlink()
    searched = search(folders, secrets)
    assert searched.files > 20
    assert searched.found == ()


def test_the_result_key_is_found_nowhere_in_any_spelling_and_a_planted_one_is(localnet, done):
    key = done.job.result_key.secret
    spellings = [key, key.hex().encode(), base64.b64encode(key), base64.urlsafe_b64encode(key)]

    def holders() -> list[str]:
        files = (path for path in localnet.layout.root.rglob("*") if path.is_file())
        return [path.name for path in files if any(spelling in path.read_bytes() for spelling in spellings)]

    assert holders() == []
    planted = localnet.layout.part("worker") / "planted"
    for spelling in spellings:
        planted.write_bytes(b"x" + spelling + b"y")
        assert holders() == ["planted"]
    planted.unlink()


def test_the_workers_exposure_log_lists_the_sealed_files(localnet, sold, done):
    notes = exposure_file(localnet.layout.part("worker") / "jobs", done.job.task).read_text()
    assert sold.model.checksum.removeprefix("0x")[:16] in notes
    assert "53474331" in notes  # the sealed files begin with the container's magic


async def test_an_app_that_the_owner_did_not_approve_gets_no_key(people, sold):
    hostile = await deploy.deploy(people.stranger, ROOT / "src/sealgrid/shipped_apps" / "copy_out")
    await publish.sell(people.owner, sold.model.address, price=0, uses=1, app=ZERO_ADDRESS)
    before = await people.requester2.hub.account(people.requester2.address)
    with pytest.raises(
        DealRefused, match=r"\(5\) vaults .* refuse this run: the owner's policy does not allow this app"
    ):
        await buy.run(people.requester2, RunRequest(hostile.address, model=sold.model.address))
    assert await people.requester2.hub.account(people.requester2.address) == before
    job = await buy.run(people.requester2, RunRequest(hostile.address, model=sold.model.address), preview=False)
    stages: list[str] = []
    await asyncio.wait_for(follow(people.requester2, job, lambda at: stages.append(at.stage)), SECONDS)
    assert "running" not in stages
    envelope = parse_envelope(await fetch_receipt.fetch_receipt(people.requester2, job.task))
    assert envelope.refusal == "5"  # settled and attributed to the requester; no key was released


async def test_a_model_that_is_sold_for_one_app_cannot_be_bought_for_another(people, sold):
    other = await deploy.deploy(people.stranger, ROOT / "src/sealgrid/shipped_apps" / "copy_out")
    with pytest.raises(OrderRefused, match="model"):
        await buy.run(people.requester, RunRequest(other.address, model=sold.model.address))

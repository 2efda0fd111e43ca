"""Dishonest parts on a real network: a paid worker hides the result, a vault lies, a seller deposits a wrong key."""

import asyncio
import dataclasses
import os
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from sealgrid.bundle.job_input import JobInput
from sealgrid.cli.offer_lines import listing_lines
from sealgrid.demos.common.thief import UnpaidJobRun, open_thief
from sealgrid.errors import AppFailed, DealRefused, InputRefused, OrderRefused, ReleaseRefused
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import buy, deploy, deposit, fetch_receipt, open_result, publish, rotate, run_inputs
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.operations.prove import check_proved, prove
from sealgrid.sdk.operations.usage_evidence import usage_of
from sealgrid.sdk.resources.offers import listing_of
from sealgrid.sdk.resources.runs import AsyncRun
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import to_address
from sealgrid.wire.vault import OpenReply, OpenRequest, VaultClient
from sealgrid.worker.job import JobRun

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.localnet


class HidingRun(JobRun):
    """A worker that is paid and publishes no location of result and receipt."""

    async def finalize(self, delivery) -> None:
        await super().finalize(msgspec.structs.replace(delivery, results=b"{}"))


class LyingVaultClient(VaultClient):
    """A vault that answers every opening with invalid data."""

    async def open(self, request: OpenRequest) -> OpenReply:
        honest = await super().open(request)
        return msgspec.structs.replace(honest, sealed=b"invalid", signature=b"\x01" * 65)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hasher(people) -> deploy.DeployedApp:
    return await deploy.deploy(people.developer, ROOT / "src/sealgrid/shipped_apps" / "hash_file")


async def test_a_paid_worker_cannot_withhold_the_way_to_the_result(localnet, people, hasher):
    async with open_thief(localnet.network) as thief:
        job = await buy.run(people.requester, RunRequest(hasher.address, files=[("a", b"a")], pool_order=thief.order))
        await HidingRun(await thief.open_task(job), thief.context).run()
    assert (await people.requester.hub.view_task(job.task)).results == b"{}"
    envelope = await fetch_receipt.fetch_receipt(people.requester, job.task)
    assert (await fetch_receipt.verify_online(people.requester, envelope)).ok
    opened = await open_result.open_result(people.requester, parse_envelope(envelope).settle, job.result_key)
    assert opened.json()["files"][0]["name"] == "a"


async def test_a_settled_result_does_not_open_before_the_payment(localnet, people, hasher):
    async with open_thief(localnet.network) as thief:
        job = await buy.run(people.requester, RunRequest(hasher.address, files=[("a", b"a")], pool_order=thief.order))
        unpaid = UnpaidJobRun(await thief.open_task(job), thief.context)
        await unpaid.run()
        assert unpaid.delivery is not None
        assert unpaid.enclave is not None
        for vault in people.requester.vaults:
            with pytest.raises(ReleaseRefused) as refused:
                await vault.open(OpenRequest(task=job.task, enclave=unpaid.enclave))
            assert refused.value.check == "open.2"


class InvalidInput(JobInput):
    """A sealed input that opens with its key and is not an archive."""

    def pack(self) -> bytes:
        return b"PK\x03\x04 and no archive"


async def test_provably_invalid_input_is_settled_and_paid_with_the_reason_in_the_sealed_result(
    people, hasher, monkeypatch
):
    monkeypatch.setattr(run_inputs, "JobInput", InvalidInput)
    job = await buy.run(people.requester, RunRequest(hasher.address, files=[("a", b"a")]))
    await asyncio.wait_for(follow(people.requester, job), 60)
    envelope = await fetch_receipt.fetch_receipt(people.requester, job.task)
    assert parse_envelope(envelope).receipt.body.exit_class == "app-failed"
    assert (await fetch_receipt.verify_online(people.requester, envelope)).ok
    opened = await open_result.open_result(people.requester, parse_envelope(envelope).settle, job.result_key)
    assert b"not a valid sealgrid/input/1 archive" in opened.files["app.log"]


async def test_a_model_that_does_not_open_is_sold_once_for_each_key(localnet, people, hasher, tmp_path, monkeypatch):
    async def with_another_key(conn, dek, **terms):
        return await deposit.deposit(conn, os.urandom(len(dek)), **terms)

    (tmp_path / "model").write_bytes(b"weights")
    stored: list[publish.SealedFile] = []
    with monkeypatch.context() as patch:
        patch.setattr(publish, "deposit", with_another_key)
        model = await publish.publish(
            people.owner, tmp_path / "model", name="shut", apps=[hasher.address], price=7, store=stored.append
        )
    buyer, seller = people.requester2, people.owner
    before = (await seller.hub.account(seller.address)).stake
    first = await buy.run(buyer, RunRequest(hasher.address, model=model.address))
    with pytest.raises(AppFailed, match="does not open") as failed:
        await asyncio.wait_for(AsyncRun(buyer, first).result(), 60)
    assert "The run was paid" in failed.value.money
    assert (await seller.hub.account(seller.address)).stake == before + 7, "control: PoCo pays once"
    listed = await listing_of(buyer, "Dataset", model.address)
    assert listed.unopened == first.task
    assert any(f"did not open for a buyer (task {first.task})" in line for line in listing_lines(listed, sealed=""))
    page = await localnet.page(f"/models/{model.address}")
    assert "It did not open for a buyer" in page
    assert f"/tasks/{first.task}" in page
    assert (await usage_of(seller, model.address)).unopened == first.task
    money = await buyer.hub.account(buyer.address)
    with pytest.raises(DealRefused) as refused:
        await buy.run(buyer, RunRequest(hasher.address, model=model.address))
    assert refused.value.check == "7.22"
    assert await buyer.hub.account(buyer.address) == money
    await rotate.reshare(seller, rotate.ModelKey(model.address, model.checksum, stored[0].dek))
    assert (await listing_of(buyer, "Dataset", model.address)).unopened is None
    again = await AsyncRun(buyer, await buy.run(buyer, RunRequest(hasher.address, model=model.address))).result()
    assert again.exit == 0


async def test_a_wrong_key_costs_its_seller_one_run_and_buyers_nothing(people, hasher, tmp_path, monkeypatch):
    async def with_another_key(conn, dek, **terms):
        return await deposit.deposit(conn, os.urandom(len(dek)), **terms)

    (tmp_path / "model").write_bytes(b"weights")
    stored: list[publish.SealedFile] = []
    steps: list[str] = []
    buyer, seller = people.requester2, people.owner
    with monkeypatch.context() as patch:
        patch.setattr(publish, "deposit", with_another_key)
        with pytest.raises(
            AppFailed, match="does not open with the key that the vaults have; publish it again"
        ) as failed:
            await publish.publish(
                seller,
                tmp_path / "model",
                name="proved",
                apps=[hasher.address],
                price=7,
                proved=True,
                store=stored.append,
                on_progress=lambda step: steps.append(step.what),
            )
    assert failed.value.money == "The run was paid."
    assert any("a run of yours proves that the model opens" in step for step in steps)
    model = stored[0].address
    assert (await listing_of(buyer, "Dataset", model)).offers == (), "nothing was offered"
    await rotate.reshare(seller, rotate.ModelKey(model, stored[0].checksum, stored[0].dek))
    with pytest.raises(OrderRefused, match="sealgrid model prove"):
        await check_proved(seller, model)
    await publish.sell(seller, model, price=7, uses=5, app=hasher.address)
    money = await buyer.hub.account(buyer.address)
    with pytest.raises(DealRefused) as refused:
        await buy.run(buyer, RunRequest(hasher.address, model=model))
    assert refused.value.check == "7.23"
    assert await buyer.hub.account(buyer.address) == money
    assert (await prove(seller, model, hasher.address)).unreached == ()
    await check_proved(seller, model)
    assert any("by an enclave" in line for line in listing_lines(await listing_of(buyer, "Dataset", model), sealed=""))
    assert (await AsyncRun(buyer, await buy.run(buyer, RunRequest(hasher.address, model=model))).result()).exit == 0
    await rotate.reshare(seller, rotate.ModelKey(model, stored[0].checksum, stored[0].dek))
    with pytest.raises(DealRefused) as refused:
        await buy.run(buyer, RunRequest(hasher.address, model=model))
    assert refused.value.check == "7.23", "each version needs its own proof"


async def test_nothing_is_published_if_the_proving_run_cannot_be_paid_or_bought(people, hasher, tmp_path):
    (tmp_path / "model").write_bytes(b"weights")
    (tmp_path / "dear").mkdir()
    (tmp_path / "dear" / "main.py").write_text("")
    (tmp_path / "dear" / "app.toml").write_text('name = "dear"\nversion = "1"\nentrypoint = ["main.py"]\n')
    dear = await deploy.deploy(people.developer, tmp_path / "dear", price=10**18)
    unknown_app = to_address(os.urandom(20))
    for app, error, why in (
        (dear.address, InputRefused, "free in escrow"),
        (unknown_app, OrderRefused, "nobody offers"),
    ):
        stored: list[publish.SealedFile] = []
        with pytest.raises(error, match=f"{why}.*--unproved") as refused:
            await publish.publish(
                people.owner, tmp_path / "model", name="x", apps=[app], proved=True, store=stored.append
            )
        assert (refused.value.money, stored) == ("No money moved.", [])


async def test_the_owners_cap_holds_for_logs_and_names_of_an_app_that_steals(people, tmp_path):
    folder = tmp_path / "leaker"
    folder.mkdir()
    (folder / "main.py").write_text(
        "import os, sys, pathlib\n"
        "model = next(pathlib.Path(os.environ['IEXEC_IN']).iterdir()).read_bytes()\n"
        "sys.stderr.write(model.hex() * 100)\n"
        "sys.exit(1)\n"
    )
    (folder / "app.toml").write_text('name = "leaker"\nversion = "1.0.0"\nentrypoint = ["main.py"]\n')
    app = await deploy.deploy(people.developer, folder)
    (tmp_path / "model").write_bytes(bytes(range(256)) * 40)
    model = await publish.publish(people.owner, tmp_path / "model", name="m", apps=[app.address], output_bytes=64)
    job = await buy.run(people.requester, RunRequest(app.address, model=model.address))
    await asyncio.wait_for(follow(people.requester, job), 60)
    settled = parse_envelope(await fetch_receipt.fetch_receipt(people.requester, job.task)).settle
    opened = await open_result.open_result(people.requester, settled, job.result_key)
    assert len(opened.files["app.log"]) == 64


@pytest.mark.parametrize("liar", [0, 1, 2])
async def test_one_lying_vault_does_not_keep_a_paid_result_shut(people, hasher, liar):
    job = await buy.run(people.requester, RunRequest(hasher.address, files=[("a", b"a")]))
    await asyncio.wait_for(follow(people.requester, job), 60)
    vaults = list(people.requester.vaults)
    vaults[liar] = LyingVaultClient(vaults[liar].transport)
    conn = dataclasses.replace(people.requester, vaults=tuple(vaults))
    envelope = await fetch_receipt.fetch_receipt(conn, job.task)
    opened = await open_result.open_result(conn, parse_envelope(envelope).settle, job.result_key)
    assert opened.json()["files"]
    assert opened.lying_vaults == (conn.vault_addresses[liar],)

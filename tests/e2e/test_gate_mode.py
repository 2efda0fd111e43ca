"""A complete job on a hub without a teebroker: a PoolGate owns the pool."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.pool_gate import PoolGate
from sealgrid.errors import InputRefused, OrderRefused
from sealgrid.localnet.prepare import offer_computing
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.connection import connect
from sealgrid.sdk.operations import buy, deploy, fetch_receipt, open_result, publish
from sealgrid.sdk.operations.deal_terms import require_no_gate
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS
from tests.e2e.running_network import start_network

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.localnet


@pytest.fixture(scope="module")
def gated(tmp_path_factory):
    running = start_network(tmp_path_factory.mktemp("gated"), "--gate")
    yield running
    running.stop()


async def test_a_confidential_job_is_paid_and_its_receipt_names_the_gate(gated, tmp_path):
    network = gated.network
    model = tmp_path / "model.bin"
    model.write_bytes(os.urandom(10_000))
    folder = shutil.copytree(ROOT / "src/sealgrid/shipped_apps" / "hash_file", tmp_path / "app")
    async with (
        connect(network, development_key("developer")) as developer,
        connect(network, development_key("owner")) as owner,
        connect(network, development_key("requester")) as requester,
    ):
        assert await requester.hub.teebroker() == ZERO_ADDRESS
        app = await deploy.deploy(developer, folder, price=1)
        sold = await publish.publish(owner, model, name="weights", apps=[app.address], price=2)
        job = await buy.run(requester, RunRequest(app.address, model=sold.address, files=[("letter", b"private")]))
        await asyncio.wait_for(follow(requester, job, lambda _: None), 60)
        envelope = await fetch_receipt.fetch_receipt(requester, job.task)
        opened = await open_result.open_result(requester, parse_envelope(envelope).settle, job.result_key)
        assert opened.json()["files"][0]["name"] == "letter"

        report = await fetch_receipt.verify_online(requester, envelope)
        assert report.ok, report.failed
        assert report.checks[13].detail == f"gate {network.broker}"
        paid = {payment.account for payment in await requester.hub.payments(job.task)}
        assert network.broker in paid  # the gate owns the pool; its operator withdraws
        with pytest.raises(InputRefused, match="it runs tasks in enclaves only"):
            await offer_computing(network, trust=3)
        with pytest.raises(OrderRefused, match="a gate owns pool"):
            await require_no_gate(requester, network.workerpool)
        operator = development_key("pool")
        assert await PoolGate(requester.hub.node, network.broker).operator() == operator.address

"""Deals that vaults refuse, and forged refusals of workers and vaults."""

import asyncio
import json
from typing import Any

import msgspec

from attacks.attack import Outcome, harmless
from attacks.lying_vaults import forged
from attacks.lying_workers import RELEASES
from attacks.scene import Scene
from sealgrid.attestation.job_params import NO_RESULT_KEY
from sealgrid.chain.accounts import development_key
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.signing import SigningKey
from sealgrid.poco.ids import task_id
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import buy, fetch_receipt
from sealgrid.sdk.operations.deal_terms import choose_offers, sign_request
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import TaskId
from sealgrid.wire.http_transport import HttpTransport
from sealgrid.wire.pool import PoolClient
from sealgrid.wire.vault import ReleaseRequest
from sealgrid.worker.job import JobRun
from sealgrid.worker.signed_pool_client import SignedPoolClient

MADE_UP = "worker2"  #: an account that the local pool admits
SECONDS = 120.0


async def take_a_pools_stake(scene: Scene) -> Outcome:
    """Buy two tasks at the network's pool that every vault refuses (7.8), so that PoCo fines the pool for them."""
    requester, pool = scene.requester, (await scene.requester.pool.view()).owner
    before = await requester.hub.account(pool)
    request = RunRequest(scene.app.address, tasks=2)
    offers = await choose_offers(requester, request)
    params = json.dumps({"iexec_input_files": ["https://example.org/input"]})
    terms = sign_request(requester, offers, request, params)
    deal = await requester.hub.match_orders(requester.wallet, terms.app, terms.dataset, terms.workerpool, terms.request)
    tasks = [task_id(deal, index) for index in (0, 1)]
    for task in tasks:
        await _completed(scene, task)
        envelope = await fetch_receipt.fetch_receipt(requester, task)
        assert (await fetch_receipt.verify_online(requester, envelope)).ok
        assert parse_envelope(envelope).refusal == "7.8"
    after = await requester.hub.account(pool)
    if after.stake + after.locked < before.stake + before.locked:
        return Outcome("", "", "the pool lost money")
    return Outcome("vaults and enclave", "7.8", "the tasks were settled as refused: the requester paid for computing.")


async def make_up_refusals(scene: Scene) -> Outcome:
    """Take a task at the network's pool, name an enclave that is none, and report that the vaults refused the deal."""
    requester = scene.requester
    await buy.run(requester, RunRequest(scene.app.address, files=[("private", b"input")], tasks=4))
    key, network = development_key(MADE_UP), scene.network
    async with HttpTransport(network.pool_url, name="the pool") as transport:
        side = SignedPoolClient(
            PoolClient(transport), key, requester.domain, network.workerpool, lambda: int(requester.clock())
        )
        taken = await side.next_job(SECONDS)
        if taken is not None:
            await side.authorise(taken.task, taken.fence, SigningKey.generate().address)
            await side.report(taken.task, taken.fence, "failed", "(7.10) made up", check="7.10")
            await _completed(scene, taken.task)
    return harmless("pool", "the vaults refuse nothing, so another worker got the task; it ended well.")


async def name_a_refusal_alone(scene: Scene) -> Outcome:
    """One vault signs facts that refuse the deal, so that the requester pays for nothing."""
    job, key = await scene.bought(), scene.vault_keys(0).signing
    lies: dict[str, Any] = {
        "refusal": "7.10",
        "secrets": (),
        "inputs": (),
        "result_key": NO_RESULT_KEY,
        "release": "direct",
    }

    class RefusingJob(JobRun):
        async def vault(self, index: int, path: str, body: bytes) -> bytes:
            honest = await super().vault(index, path, body)
            if path != RELEASES or index != 0:
                return honest
            return await forged(scene, job, index, msgspec.json.decode(body, type=ReleaseRequest), key, **lies)

    await RefusingJob(await scene.thief.open_task(job), scene.thief.context).run()
    envelope = parse_envelope(await fetch_receipt.fetch_receipt(scene.requester, job.task))
    assert envelope.receipt.body.exit_class == "ok"
    return Outcome("enclave", "6", "only facts that two vaults signed alike count; the job went on with the others.")


async def _completed(scene: Scene, task: TaskId) -> None:
    async with asyncio.timeout(SECONDS):
        while (await scene.requester.hub.view_task(task)).status is not TaskStatus.COMPLETED:
            await asyncio.sleep(0.2)

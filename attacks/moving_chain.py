"""A chain that reorganizes while a job runs."""

import asyncio

from attacks.attack import Outcome, refused
from attacks.lying_workers import RELEASES
from attacks.scene import Scene
from sealgrid.wire.relay import ResultDelivery
from sealgrid.worker.job import JobRun

SETTLEMENTS = "/settlements"


async def take_the_deal_back_before_the_release(scene: Scene) -> Outcome:
    """Have the deal's block taken back after the enclave attested, before it asks for the keys."""
    return await _taken_back_before(scene, RELEASES)


async def take_the_deal_back_before_the_verdict(scene: Scene) -> Outcome:
    """Have the deal's block taken back after the keys were released, before the result is settled."""
    return await _taken_back_before(scene, SETTLEMENTS)


async def take_the_deal_back_before_the_payment(scene: Scene) -> Outcome:
    """Have the deal's block taken back after the verdicts, before the result is paid."""
    before = (await scene.requester.node.block()).number

    class WaitingJob(JobRun):
        async def finalize(self, delivery: ResultDelivery) -> None:
            await scene.take_back_to(before)
            await super().finalize(delivery)

    _, run = await scene.job(WaitingJob)
    return await refused("PoCo", run.run())


async def _taken_back_before(scene: Scene, moment: str) -> Outcome:
    before = (await scene.requester.node.block()).number
    done, one_by_one = False, asyncio.Lock()  # no request may pass before the blocks are gone

    class MovingJob(JobRun):
        async def vault(self, index: int, path: str, body: bytes) -> bytes:
            nonlocal done
            async with one_by_one:
                if path == moment and not done:
                    await scene.take_back_to(before)
                    done = True
            return await super().vault(index, path, body)

    _, run = await scene.job(MovingJob)
    return await refused("vaults", run.run())

"""Passive observers: data that is public about another account's run."""

from attacks.attack import Outcome, harmless
from attacks.scene import Scene
from sealgrid.errors import CallRefused
from sealgrid.sdk.operations import buy
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import TaskId
from sealgrid.wire.challenge import CORE, answer

EXACT = {"launched", "attested", "released", "running", "sealed", "settled", "finalizing"}


async def time_the_app_by_its_stages(scene: Scene) -> Outcome:
    """Read when another account's app started and ended: a stranger logs in at the pool and asks."""
    task, stranger = await _own_pools_task(scene), scene.developer
    public = (await stranger.pool.task(task)).history
    if any(entry.stage in EXACT or entry.at != int(entry.at) for entry in public):
        return Outcome("", "", "the public history tells the moments of the app")
    sentence = await stranger.pool.challenge(stranger.network.chain, stranger.address)
    try:
        await stranger.pool.stages(task, answer(stranger.network.chain, sentence, stranger.key, CORE))
    except CallRefused as refused:
        exact = await scene.requester.stage_reader.stages(task)
        control = {entry.stage for entry in exact} >= EXACT  # its requester does read them
        return Outcome("pool", refused.check, refused.message) if control else harmless("", "its requester reads none")
    return Outcome("", "", "a stranger read the exact stages")


async def _own_pools_task(scene: Scene) -> TaskId:
    job = await buy.run(scene.requester, RunRequest(scene.app.address, files=[("private", b"")]))
    await follow(scene.requester, job)
    return job.task

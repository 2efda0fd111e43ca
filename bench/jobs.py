"""One job of a requester, timed from the submission to the verified result, stage by stage."""

import asyncio
import itertools
import time
from dataclasses import dataclass
from pathlib import Path

from bench.figure import NotMeasured
from bench.workloads import Workload
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations import buy, deploy, fetch_receipt, open_result, publish
from sealgrid.sdk.operations.follow import follow, history
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS, Address, TaskId
from sealgrid.wire.pool import StageAt

SUBMIT, VERIFY = "submit→waiting", "completed→verified"
JOB_SECONDS = 60.0
STAGES = (
    "waiting",
    "assigned",
    "launched",
    "attested",
    "released",
    "running",
    "sealed",
    "finalizing",
    "completed",
)
STEPS = (SUBMIT, *(f"{before}→{after}" for before, after in itertools.pairwise(STAGES)), VERIFY)


@dataclass(frozen=True)
class PublishedApp:
    """What stands on the network for one workload."""

    app: Address
    model: Address


@dataclass(frozen=True)
class TimedRun:
    """Seconds of one job."""

    total: float
    steps: dict[str, float]


async def sell(
    developer: Connection, owner: Connection, workload: Workload, folder: Path, *, any_pool: bool = False
) -> PublishedApp:
    """Deploy a workload's app, and publish its model when it has one; ``any_pool`` as in ``deploy``."""
    app = await deploy.deploy(developer, workload.folder, any_pool=any_pool)
    if not workload.model:
        return PublishedApp(app.address, ZERO_ADDRESS)
    source = folder / f"{workload.name}.model"
    source.write_bytes(workload.model)
    model = await publish.publish(owner, source, name=workload.name, apps=[app.address], uses=10_000, any_pool=any_pool)
    return PublishedApp(app.address, model.address)


async def timed(requester: Connection, sold: PublishedApp, workload: Workload) -> TimedRun:
    """Buy one run, wait for it, verify its receipt on line, open the result; raise NotMeasured for a wrong one."""
    clock, begun = time.time(), time.perf_counter()
    async with asyncio.timeout(JOB_SECONDS):
        job = await buy.run(requester, RunRequest(sold.app, model=sold.model, files=[workload.file]))
        await follow(requester, job)
        envelope = await fetch_receipt.fetch_receipt(requester, job.task)
        report = await fetch_receipt.verify_online(requester, envelope)
        result = await open_result.open_result(requester, parse_envelope(envelope).settle, job.result_key)
    total = time.perf_counter() - begun
    if not report.ok:
        raise NotMeasured(f"a receipt does not verify: {report.failed}")
    workload.expect_right(result)
    return TimedRun(total, _steps(await _whole_history(requester, job.task), clock, clock + total))


async def _whole_history(requester: Connection, task: TaskId) -> tuple[StageAt, ...]:
    # The chain is a moment ahead of the pool, which hears of the end from it.
    async with asyncio.timeout(JOB_SECONDS):
        while True:
            known = await history(requester, task)
            if known and known[-1].stage == "completed":
                return known
            await asyncio.sleep(0.05)


def _steps(history: tuple[StageAt, ...], begun: float, ended: float) -> dict[str, float]:
    """Return seconds between two stages; a stage that was reached twice counts from its last time."""
    at = {stage.stage: stage.at for stage in history}
    known = [(stage, at[stage]) for stage in STAGES if stage in at]
    between = {f"{one}→{two}": after - before for (one, before), (two, after) in itertools.pairwise(known)}
    return {SUBMIT: known[0][1] - begun, **between, VERIFY: ended - known[-1][1]}

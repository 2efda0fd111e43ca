"""Scoring of sensor data in shards on 1, 2 and 3 workers of a network: a file on disk becomes merged scores."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import sealgrid
from bench import calibration
from bench.ados_split import MODEL, draw_file
from bench.context import Context
from bench.figure import Figure, NotMeasured, Row, Target
from bench.networks import SEALGRID
from sealgrid.ados.sharded_scores import ShardedJob, ShardedPurchase, score_in_shards
from sealgrid.sdk.network import Network
from sealgrid.shipped_apps.ados.quality.graph import graph_of
from sealgrid.shipped_apps.ados.quality.model_file import read_model

SHARDS = 6
WORKERS = (1, 2, 3)  #: the local pool admits three
GOAL = Target("≥", 1.7)


async def measure(context: Context) -> Figure:
    with tempfile.TemporaryDirectory(dir=context.folder) as name:
        rows = context.either(20_000, 120_000)
        model = read_model(MODEL.read_bytes())
        await asyncio.to_thread(draw_file, model, rows, Path(name, "readings.csv"))
        await asyncio.to_thread(draw_file, model, 400, Path(name, "few.csv"))
        jobs = [ShardedJob(Path(name, file), graph_of(model), SHARDS) for file in ("few.csv", "readings.csv")]
        return Figure("ados bag", tuple(await _rows(context, *jobs)), f"{20 * rows} readings in {SHARDS} shards")


async def _rows(context: Context, few: ShardedJob, job: ShardedJob) -> list[Row]:
    network = await context.networks.current()
    async with sealgrid.connect_async("developer", network=network) as developer:
        app = await developer.apps.deploy("ados")
    async with sealgrid.connect_async("owner", network=network) as owner:
        model = await owner.models.publish(MODEL, app=app, name="bench stations", price="0", uses=1000)
    seconds: dict[int, float] = {}
    async with contextlib.AsyncExitStack() as stack:
        me = await stack.enter_async_context(sealgrid.connect_async("requester", network=network))
        purchase = ShardedPurchase(app.address, model.address)
        await score_in_shards(
            me, ShardedJob(job.readings, job.graph, 1), purchase
        )  # each worker fetches the files once
        for workers in WORKERS:
            if workers > 1:
                await stack.enter_async_context(_worker(network, f"worker{workers}"))
            await score_in_shards(me, few, purchase)  # each worker fetches the files once
            begun = time.perf_counter()
            await score_in_shards(me, job, purchase)
            seconds[workers] = time.perf_counter() - begun
    beside = calibration.cpu()
    rows = [
        Row(label=f"bag, {n} workers", unit="s", samples=(each,), calibration=beside) for n, each in seconds.items()
    ]
    return [*rows, Row(label="bag, 2 workers over 1", unit="times", samples=(seconds[1] / seconds[2],), target=GOAL)]


@contextlib.asynccontextmanager
async def _worker(network: Network, name: str) -> AsyncIterator[None]:
    command = ("--pdeathsig", "TERM", SEALGRID, "worker", "run", name, "--home", network.folder)
    process = await asyncio.create_subprocess_exec("setpriv", *command, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    try:
        if b"requests jobs" not in await process.stderr.readline():
            raise NotMeasured(f"{name} did not start.")
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()

"""Scoring of sensor data in shards: on workers of a network, beside plain processes and Dask; and its peak memory."""

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import sealgrid
from bench import calibration
from bench.ados_split import MODEL, draw_file
from bench.context import Context
from bench.figure import Figure, NotMeasured, Row, Target
from bench.networks import SEALGRID
from sealgrid.ados.sharded_scores import ShardedJob, ShardedPurchase, plan_job, score_in_shards
from sealgrid.ados.spooled_readings import spool
from sealgrid.sdk.network import Network
from sealgrid.shipped_apps.ados.quality.graph import graph_of
from sealgrid.shipped_apps.ados.quality.model_file import read_model
from sealgrid.shipped_apps.ados.quality.shard_file import write_shard
from sealgrid.shipped_apps.ados.quality.shards import Shard

ROOT = Path(__file__).resolve().parents[1]
DASK = ROOT / ".cache" / "dask" / "bin" / "python"  #: an environment with distributed and numpy, see figures.md
SHARDS = 16
WORKERS = (1, 2, 3)  #: the local pool admits three
PROCESSES = (1, 2, 4)
GOAL = Target("≥", 1.7)
MIB = float(1 << 20)


async def measure(context: Context) -> Figure:
    with tempfile.TemporaryDirectory(dir=context.folder) as name:
        folder = Path(name)
        rows = context.either(10_000, 60_000)
        job = await asyncio.to_thread(_prepare, folder, rows)
        network_rows = await _on_a_network(context, job)
        await context.networks.stop()
        beside = calibration.cpu()
        whole = await _child("whole", 1, folder)
        plain = {("processes", n): await _child("processes", n, folder) for n in PROCESSES}
        if DASK.exists():
            plain |= {("dask", n): await _child("dask", n, folder, python=str(DASK)) for n in PROCESSES}
        if {each["scores"] for each in plain.values()} != {whole["scores"]}:
            raise NotMeasured("shards do not give the scores of the whole.")
        lines = [Row(label="one process, one piece", unit="s", samples=(whole["seconds"],), calibration=beside)]
        lines += [
            Row(label=f"{n} {'Dask workers' if mode == 'dask' else mode}", unit="s", samples=(each["seconds"],))
            for (mode, n), each in plain.items()
        ]
        lines += [_ratio("2 processes over 1", plain["processes", 1], plain["processes", 2])]
        memory = [await _memory(rows, folder) for rows in context.either((1000, 2000), (2000, 10_000))]
    note = f"{20 * rows} readings in {SHARDS} shards" + ("" if DASK.exists() else "; Dask is not installed")
    return Figure("ados bag", (*network_rows, *lines, *(row for some in memory for row in some)), note)


def _prepare(folder: Path, rows: int) -> ShardedJob:
    """Write readings of the shipped model's stations, their shards, and one shard of everything."""
    (folder / "model.onnx").write_bytes(MODEL.read_bytes())
    model = read_model(MODEL.read_bytes())
    draw_file(model, rows, folder / "readings.csv")
    job = ShardedJob(folder / "readings.csv", graph_of(model), SHARDS)
    (spooled := folder / "spooled").mkdir()
    readings = spool(job.readings, job.graph, spooled).readings
    shards = plan_job(len(model.sensors), rows, SHARDS)
    for number, shard in enumerate(shards):
        (folder / f"shard-{number:05}.json").write_bytes(write_shard(job.graph, readings, shard))
    everything = Shard(tuple(range(len(model.sensors))), 0, rows)
    (folder / "whole.json").write_bytes(write_shard(job.graph, readings, everything))
    return job


async def _on_a_network(context: Context, job: ShardedJob) -> list[Row]:
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
                await score_in_shards(me, job, purchase)
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
    command = ("--pdeathsig", "TERM", SEALGRID, "worker", "run", name, "--data", network.folder)
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


def _ratio(label: str, slow: dict[str, Any], fast: dict[str, Any]) -> Row:
    return Row(label=label, unit="times", samples=(slow["seconds"] / fast["seconds"],), target=GOAL)


async def _memory(rows: int, folder: Path) -> tuple[Row, Row]:
    found = await _child("1000", rows, folder, module="bench.ados_split")
    label = f"1000 sensors, {rows} rows"
    return (
        Row(label=f"{label}: peak RSS of splitting", unit="MiB", samples=(found["split"] / MIB,), shown="max"),
        Row(label=f"{label}: and of scoring a shard", unit="MiB", samples=(found["scored"] / MIB,), shown="max"),
    )


async def _child(
    mode: str, count: int, folder: Path, *, module: str = "bench.ados_scores", python: str = sys.executable
) -> dict[str, Any]:
    command = (python, "-m", module, mode, str(count), str(folder))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise NotMeasured(f"{module} {mode} failed.")
    found: dict[str, Any] = json.loads(output)
    return found

"""Scoring of sensor data in shards without enclaves: plain processes, Dask, one piece; and the peak memory."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import calibration
from bench.ados_bag import GOAL
from bench.ados_split import MODEL, draw_file
from bench.context import Context
from bench.figure import Figure, NotMeasured, Row
from sealgrid.ados.sharded_scores import plan_job
from sealgrid.ados.spooled_readings import spool
from sealgrid.shipped_apps.ados.quality.graph import graph_of
from sealgrid.shipped_apps.ados.quality.model_file import read_model
from sealgrid.shipped_apps.ados.quality.shard_file import write_shard
from sealgrid.shipped_apps.ados.quality.shards import Shard

ROOT = Path(__file__).resolve().parents[1]
DASK = ROOT / ".cache" / "dask" / "bin" / "python"  #: an environment with distributed and numpy, see figures.md
SHARDS = 16
PROCESSES = (1, 2, 4)
MIB = float(1 << 20)


async def measure(context: Context) -> Figure:
    await context.networks.stop()
    with tempfile.TemporaryDirectory(dir=context.folder) as name:
        folder, rows = Path(name), context.either(20_000, 120_000)
        await asyncio.to_thread(_prepare, folder, rows)
        beside = calibration.cpu()
        whole = await run_child("whole", 1, folder)
        modes = {"processes": sys.executable} | ({"Dask workers": str(DASK)} if DASK.exists() else {})
        plain = {
            f"{count} {mode}": await run_child(mode.split()[0].lower(), count, folder, python=python)
            for mode, python in modes.items()
            for count in PROCESSES
        }
        if {each["scores"] for each in plain.values()} != {whole["scores"]}:
            raise NotMeasured("shards do not give the scores of the whole.")
        lines = [Row(label="one process, one piece", unit="s", samples=(whole["seconds"],), calibration=beside)]
        lines += [Row(label=label, unit="s", samples=(each["seconds"],)) for label, each in plain.items()]
        ratio = plain["1 processes"]["seconds"] / plain["2 processes"]["seconds"]
        lines.append(Row(label="2 processes over 1", unit="times", samples=(ratio,), target=GOAL))
        memory = [await _memory(rows, folder) for rows in context.either((500, 1000), (2000, 10_000))]
    note = f"{20 * rows} readings in {SHARDS} shards" + ("" if DASK.exists() else "; Dask is not installed")
    return Figure("ados plain", (*lines, *(row for some in memory for row in some)), note)


def _prepare(folder: Path, rows: int) -> None:
    """Write readings of the shipped model's stations, their shards, and one shard of everything."""
    (folder / "model.onnx").write_bytes(MODEL.read_bytes())
    model = read_model(MODEL.read_bytes())
    draw_file(model, rows, folder / "readings.csv")
    graph = graph_of(model)
    readings = spool(folder / "readings.csv", graph, folder).readings
    for number, shard in enumerate(plan_job(len(model.sensors), rows, SHARDS)):
        (folder / f"shard-{number:05}.json").write_bytes(write_shard(graph, readings, shard))
    everything = Shard(tuple(range(len(model.sensors))), 0, rows)
    (folder / "whole.json").write_bytes(write_shard(graph, readings, everything))


async def _memory(rows: int, folder: Path) -> tuple[Row, Row]:
    found = await run_child("1000", rows, folder, module="bench.ados_split")
    label = f"1000 sensors, {rows} rows"
    return (
        Row(label=f"{label}: peak RSS of splitting", unit="MiB", samples=(found["split"] / MIB,), shown="max"),
        Row(label=f"{label}: and of scoring a shard", unit="MiB", samples=(found["scored"] / MIB,), shown="max"),
    )


async def run_child(
    mode: str, count: int, folder: Path, *, module: str = "bench.ados_scores", python: str = sys.executable
) -> dict[str, Any]:
    """Run a module of the bench as a process and return what it prints; raise NotMeasured if it fails."""
    command = (python, "-m", module, mode, str(count), str(folder))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise NotMeasured(f"{module} {mode} failed.")
    found: dict[str, Any] = json.loads(output)
    return found

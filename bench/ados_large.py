"""Peak memory of a client that plans, splits and merges a job of 1,000 sensors with 100,000 readings each."""

import shutil
import tempfile
import time
from pathlib import Path

from bench.ados_plain import run_child
from bench.context import Context
from bench.figure import Figure, NotMeasured, Row, Target

SENSORS, QUICK, FULL = 1000, 2_000, 100_000
BYTES_A_READING = 17  #: in the folder
MIB = float(1 << 20)
BOUND = Target("≤", 512.0)  #: MiB: 286 are the three bytes of each of 100,000,000 readings, whose scores are merged


async def measure(context: Context) -> Figure:
    """Run it in a process of its own."""
    await context.networks.stop()
    rows = context.either(QUICK, FULL)
    readings = SENSORS * rows
    if shutil.disk_usage(context.folder).free < 2 * BYTES_A_READING * readings:
        raise NotMeasured(f"there is no room for {readings} readings.")
    with tempfile.TemporaryDirectory(dir=context.folder) as folder:
        begun = time.perf_counter()
        found = await run_child(str(SENSORS), rows, Path(folder), module="bench.ados_large_child")
        seconds = time.perf_counter() - begun
    label = f"{SENSORS} sensors, {rows} rows"
    return Figure(
        "ados large",
        (
            Row(label=f"{label}: peak RSS of splitting", unit="MiB", samples=(found["split"] / MIB,), shown="max"),
            Row(
                label=f"{label}: and of merging",
                unit="MiB",
                samples=(found["merged"] / MIB,),
                shown="max",
                target=BOUND,
            ),
            Row(label=f"{label}: drawing, splitting, merging", unit="s", samples=(seconds,)),
        ),
        f"{found['shards']} shards, the largest of {found['bytes'] / MIB:.1f} MiB",
    )

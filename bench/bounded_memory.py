"""Peak memory of a process that seals and opens a large sparse file, beside the same for a small one."""

import asyncio
import shutil
import sys
from pathlib import Path

import msgspec

from bench.context import Context
from bench.figure import Figure, NotMeasured, Row
from bench.memory_child import Peak

SMALL, QUICK, LARGE = 16 << 20, 256 << 20, 2 << 30
MIB = float(1 << 20)


async def measure(context: Context) -> Figure:
    await context.networks.stop()
    large = context.either(QUICK, LARGE)
    if shutil.disk_usage(context.folder).free < 2 * large:
        raise NotMeasured(f"there is no room for a sealed file of {large >> 20} MiB.")
    sizes = (SMALL, large)
    peaks = [await _peak(size, context.folder) for size in sizes]
    growth = peaks[1].after - peaks[0].after
    rows = [
        Row(label=f"peak RSS, {size >> 20} MiB file", unit="MiB", samples=(each.after / MIB,), shown="max")
        for size, each in zip(sizes, peaks, strict=True)
    ]
    before = Row(label="RSS before sealing", unit="MiB", samples=tuple(each.before / MIB for each in peaks))
    grown = Row(label="growth, large over small file", unit="MiB", samples=(growth / MIB,), shown="max")
    return Figure("bounded memory", (before, *rows, grown))


async def _peak(size: int, folder: Path) -> Peak:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.memory_child", str(size), str(folder), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise NotMeasured("the process that seals and opens failed.")
    return msgspec.json.decode(output, type=Peak)

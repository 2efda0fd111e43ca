"""Submit → verified result of the licence-plate job: a sealed model, a sealed picture, on a warm network."""

import statistics

from bench.context import Context
from bench.figure import Figure, Row, Target
from bench.workloads import plates


async def measure(context: Context) -> Figure:
    runs = await context.runs(plates)
    totals = tuple(run.total for run in runs.warm)
    target, beside = Target("≤", 3.0), runs.calibration
    return Figure(
        "plates job",
        (
            Row(
                label="submit→verified", unit="s", samples=totals, temperature="warm", target=target, calibration=beside
            ),
            Row(label="submit→verified", unit="s", samples=totals, temperature="warm", shown="p95"),
            Row(
                label="as a multiple of the plain process",
                unit="",
                samples=tuple(total / statistics.median(runs.plain_warm) for total in totals),
                temperature="warm",
                target=Target("≤", 1.6),
            ),
        ),
    )

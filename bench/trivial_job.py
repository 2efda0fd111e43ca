"""Submit → verified result of the smallest app: one small sealed file, no dataset, on a warm network."""

from bench.context import Context
from bench.figure import Figure, Row, Target
from bench.workloads import hash_file


async def measure(context: Context) -> Figure:
    runs = await context.runs(hash_file)
    totals = tuple(run.total for run in runs.warm)
    line = Row(
        label="submit→verified",
        unit="s",
        samples=totals,
        temperature="warm",
        target=Target("≤", 0.4),
        calibration=runs.calibration,
    )
    return Figure("trivial job", (line, _p95(line)))


def _p95(row: Row) -> Row:
    return Row(
        label=row.label,
        unit=row.unit,
        samples=row.samples,
        temperature=row.temperature,
        shown="p95",
        target=Target("≤", 2.0),
        calibration=row.calibration,
    )

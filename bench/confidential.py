"""A confidential job against the same app as a plain process, cold and warm, stage by stage."""

from bench.campaign import Runs
from bench.context import Context
from bench.figure import Figure, NotMeasured, Row, Temperature
from bench.jobs import STEPS, TimedRun
from bench.workloads import hash_file, plates

WORKLOADS = {"trivial": hash_file, "plates": plates}


async def measure(context: Context) -> Figure:
    rows: list[Row] = []
    notes: list[str] = []
    for name, make in WORKLOADS.items():
        try:
            rows += _rows(name, await context.runs(make))
        except NotMeasured as error:
            notes.append(f"{name} left out: {error}")
    return Figure("confidential", tuple(rows), "; ".join(notes))


def _rows(name: str, runs: Runs) -> list[Row]:
    sides: tuple[tuple[Temperature, list[TimedRun], list[float]], ...] = (
        ("cold", runs.cold, runs.plain_cold),
        ("warm", runs.warm, runs.plain_warm),
    )
    found: list[Row] = []
    for temperature, jobs, plain in sides:
        found.append(_row(f"{name} as a plain process", temperature, plain))
        found.append(_row(f"{name} confidential", temperature, [job.total for job in jobs]))
        found += [_row(f"{name}   {step}", temperature, _of(jobs, step)) for step in STEPS]
    return found


def _of(jobs: list[TimedRun], step: str) -> list[float]:
    return [job.steps[step] for job in jobs if step in job.steps]


def _row(label: str, temperature: Temperature, seconds: list[float]) -> Row:
    return Row(label=label, unit="s", samples=tuple(seconds), temperature=temperature)

"""Scores a file of readings on many machines: a bag of shards, whose merged files are those of an unsharded run."""

import asyncio
import csv
import hashlib
import io
import math
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sealgrid.ados.spooled_readings import SpooledReadings, spool
from sealgrid.errors import AppFailed, InputRefused, SealgridError
from sealgrid.sdk.amounts import Amount, Price, amount
from sealgrid.sdk.client import AsyncClient
from sealgrid.sdk.money import nothing_bought_before, say_bought_before
from sealgrid.sdk.operations.bag_progress import OnBagProgress, ignore_bag_progress
from sealgrid.sdk.progress import Progress, ignore_progress
from sealgrid.sdk.resources.bags import AsyncBag
from sealgrid.sdk.resources.offers import AssetRef
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.graph import SensorGraph, read_graph
from sealgrid.shipped_apps.ados.quality.readings import Frame
from sealgrid.shipped_apps.ados.quality.report import (
    default_window,
    reason_names,
    result_text,
    summarise,
    table_header,
    table_rows,
)
from sealgrid.shipped_apps.ados.quality.score import REASONS, Scores
from sealgrid.shipped_apps.ados.quality.shard_file import write_shard
from sealgrid.shipped_apps.ados.quality.shards import HALO_ROWS, Shard, ShardMerger, plan_shards
from sealgrid.units import TaskId

MIN_ROWS: Final = 4 * HALO_ROWS  #: of a shard, before sensors are split, too
MAX_SHARD_CELLS: Final = 1_000_000  #: of a shard; more readings make more shards
BAG_SHARDS: Final = 32  #: bought together; their inputs are in memory at one time
_LINES: Final = 1000  #: of a table that are written at a time
_TABLES: Final = ("dqf.csv", "reasons.csv")


@dataclass(frozen=True)
class ShardedJob:
    """What is scored, and how."""

    readings: Path
    graph: SensorGraph
    shards: int  #: fewest


@dataclass(frozen=True)
class ShardedPurchase:
    """The terms under which a job's shards are bought."""

    app: AssetRef
    model: AssetRef
    max_price: Price | None = None  #: of all shards together, with what was spent on them before
    pool: str | None = None
    key: str | None = None  #: names the purchase: the same again buys nothing twice
    retry: bool = False  #: buy shards that failed again; needs the key


@dataclass(frozen=True)
class ShardedScores:
    """A scored job: its frame and scores, what it cost, and the bags and tasks that computed it."""

    frame: Frame
    scores: Scores
    price: Amount
    bags: tuple[str, ...]
    tasks: tuple[TaskId, ...]


def plan_job(sensors: int, rows: int, shards: int) -> list[Shard]:
    """Return at least ``shards`` shards, by rows first: only groups of sensors need neighbours' readings twice."""
    fewest = max(shards, math.ceil(sensors * rows / MAX_SHARD_CELLS))
    windows = max(1, min(fewest, rows // MIN_ROWS))
    return list(plan_shards(sensors, rows, math.ceil(fewest / windows), windows))


async def score_in_shards(
    me: AsyncClient,
    job: ShardedJob,
    purchase: ShardedPurchase,
    *,
    on_progress: Progress = ignore_progress,
    on_bag: OnBagProgress = ignore_bag_progress,
) -> ShardedScores:
    """Buy a task for each shard of a file of readings, and return the merged scores.

    They are those of one run on the whole file, bit for bit. Shards are bought in bags of ``BAG_SHARDS``, one after
    the other, so memory does not grow with the file but for three bytes a reading; the readings lie in a temporary
    folder. Raises InputRefused for a file or graph that the app would refuse, AppFailed for an invalid result, and
    like ``AsyncClient.map`` and ``AsyncBag.results``; bags before it stay bought, and ``key`` continues with them.
    """
    if purchase.retry and purchase.key is None:
        raise InputRefused("a retry needs the key of the purchase whose failed shards it buys again.", money="")
    with tempfile.TemporaryDirectory(prefix="sealgrid-") as folder:
        with nothing_bought_before(()):
            gridded = await asyncio.to_thread(_spooled, job, Path(folder))
        frame, readings = gridded.frame, gridded.readings
        shards = plan_job(len(frame.sensors), frame.rows, job.shards)
        merger = ShardMerger(frame.rows, len(frame.sensors))
        price, spent = 0, 0
        bags, tasks = list[str](), list[TaskId]()  # not the bags themselves, which hold their inputs
        for start in range(0, len(shards), BAG_SHARDS):
            part = shards[start : start + BAG_SHARDS]
            named = [(f"shard-{start + n:05}.json", each) for n, each in enumerate(part)]
            inputs = [(name, write_shard(job.graph, readings, each)) for name, each in named]
            gridded.release()
            bag = await _buy(me, purchase, inputs, start=start, spent=spent, on_progress=on_progress)
            async for shard, files in _results(bag, part, on_bag):
                merger.add(shard, read_scores(frame, shard, files))
            price += bag.price
            spent += 0 if purchase.max_price is None else await bag.spent()
            bags.append(bag.id)
            tasks += [run.task for run in bag.runs]
    return ShardedScores(frame, merger.scores(), Amount(price), tuple(bags), tuple(tasks))


def _spooled(job: ShardedJob, folder: Path) -> SpooledReadings:
    try:
        return spool(job.readings, job.graph, folder)
    except ReadingsRefused as refused:
        raise InputRefused(f"ados cannot read {job.readings.name!r}: {refused}") from refused
    except OSError as error:
        raise InputRefused(f"{job.readings} cannot be read ({error.strerror}).") from error


async def _buy(
    me: AsyncClient,
    purchase: ShardedPurchase,
    inputs: Sequence[tuple[str, bytes]],
    *,
    start: int,
    spent: int,
    on_progress: Progress,
) -> AsyncBag:
    limit = purchase.max_price
    try:
        bag = await me.map(
            purchase.app,
            [[each] for each in inputs],
            purchase.model,
            max_price=None if limit is None else _left(limit, spent),
            pool=purchase.pool,
            key=None if purchase.key is None else f"{purchase.key}-{start}",
            on_progress=on_progress,
        )
    except SealgridError as error:
        if start:  # what the error says is true of this bag alone
            say_bought_before(error, start)
        raise
    if purchase.retry:
        left = None if limit is None else _left(limit, spent + await bag.spent())
        await bag.retry(max_price=left, on_progress=on_progress)
    return bag


def _left(limit: Price, spent: int) -> Amount:
    return Amount(max(int(amount(limit)) - spent, 0))


async def _results(
    bag: AsyncBag, shards: Sequence[Shard], on_bag: OnBagProgress
) -> AsyncIterator[tuple[Shard, Mapping[str, bytes]]]:
    """Yield each shard with its files; raise the first error after all shards ended."""
    errors: list[SealgridError] = []
    async for outcome in bag.as_completed(on_progress=on_bag):
        if outcome.result is not None:
            yield shards[outcome.index], outcome.result.files
        elif outcome.error is not None:
            errors.append(outcome.error)
    if errors:
        raise errors[0]


def read_scores(frame: Frame, shard: Shard, files: Mapping[str, bytes]) -> Scores:
    """Return the scores in the tables of a shard's result; raise AppFailed for tables of another shard."""
    names = [frame.sensors[number] for number in shard.sensors]
    expected = (shard.end_row - shard.first_row, len(names))
    try:
        dqf, reasons = (list(_cells(files[name], names)) for name in _TABLES)
        scores = Scores(
            np.array(dqf, dtype=np.uint8),
            np.array([[_REASON_NUMBERS[cell] for cell in row] for row in reasons], dtype=np.uint8),
        )
    except (KeyError, ValueError, OverflowError, UnicodeError, csv.Error) as error:
        raise AppFailed(
            "the result of a shard has no tables of its sensors; is this app another one than ados?"
        ) from error
    if scores.dqf.shape != expected or scores.reasons.shape != expected:
        raise AppFailed("the result of a shard has the rows of another one; is this app another one than ados?")
    return scores


_REASON_NUMBERS: Final = {name: number for number, name in enumerate(("", *REASONS[1:]))}


def _cells(table: bytes, names: list[str]) -> Iterator[list[str]]:
    rows = csv.reader(io.StringIO(table.decode(), newline=""))
    if next(rows, [])[1:] != names:
        raise ValueError("names")
    for row in rows:
        yield row[1:]


def write_scores(found: ShardedScores, folder: Path, window: int | None = None) -> None:
    """Write result.json, dqf.csv and reasons.csv of a job, with the bytes of an unsharded run's; raise OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    digests = {}
    for name in _TABLES:
        digest = hashlib.sha256()
        with (folder / name).open("wb") as file:
            for text in _table(found, name):
                file.write(text.encode())
                digest.update(text.encode())
        digests[name] = digest.hexdigest()
    result = summarise(found.frame, found.scores, window or default_window(found.frame.interval))
    (folder / "result.json").write_text(result_text(result, digests), encoding="utf-8")


def _table(found: ShardedScores, name: str) -> Iterator[str]:
    yield table_header(found.frame.sensors)
    for first in range(0, found.frame.rows, _LINES):
        rows = slice(first, first + _LINES)
        cells = found.scores.dqf[rows] if name == "dqf.csv" else reason_names(found.scores.reasons[rows])
        yield table_rows(found.frame, first, cells)


def graph_file(path: Path) -> SensorGraph:
    """Return the graph in a file; raise InputRefused."""
    try:
        return read_graph(path.read_bytes())
    except ReadingsRefused as refused:
        raise InputRefused(f"{path}: {refused}") from refused
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}).") from error

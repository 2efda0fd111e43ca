"""Splits readings into shards of sensors and slots that are scored apart, and merges their scores exactly.

A shard carries a halo: the rows before and after on which its scores depend, and the readings of its sensors'
neighbours and of their neighbours. So each score is computed from the same integers as in one piece.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .model import AdosModel
from .readings import Readings
from .score import ROWS_AFTER, ROWS_BEFORE, Scores, score


@dataclass(frozen=True)
class Shard:
    """The part of a job that one task scores; ranges exclude their ends."""

    sensors: tuple[int, ...]  #: numbers of the model's sensors, ascending
    first_row: int
    end_row: int


def plan_shards(model: AdosModel, rows: int, groups: int, windows: int) -> Iterator[Shard]:
    """Yield shards of about equal size: ``groups`` of sensors times ``windows`` of rows, none of them empty."""
    row_bounds = np.linspace(0, rows, windows + 1).astype(int)
    for sensors in np.array_split(np.arange(model.network.sensors), groups):
        for first, end in itertools.pairwise(row_bounds):
            if len(sensors) and end > first:
                yield Shard(tuple(sensors.tolist()), int(first), int(end))


def with_halo(model: AdosModel, readings: Readings, shard: Shard) -> Readings:
    """Return the readings that a shard needs, the others absent."""
    first, end = _rows_with_halo(shard, readings.rows)
    neighbours = model.network.neighbours
    needed = np.array(shard.sensors, dtype=np.int64)
    for _ in range(2):
        needed = np.union1d(needed, neighbours[needed])
    kept = np.zeros(model.network.sensors, dtype=np.bool_)
    kept[needed] = True
    part = readings.between(first, end)
    return replace(
        part,
        values=np.where(kept, part.values, 0),
        present=part.present & kept,
        delays=np.where(kept, part.delays, 0),
        copies=np.where(kept, part.copies, 0),
    )


def score_shard(model: AdosModel, part: Readings, shard: Shard, rows: int) -> Scores:
    """Return the scores of a shard from its readings with halo; ``rows`` are those of the whole job."""
    first, _ = _rows_with_halo(shard, rows)
    scores = score(model, part, np.array(shard.sensors, dtype=np.int64))
    inside = slice(shard.first_row - first, shard.end_row - first)
    return Scores(scores.dqf[inside], scores.reasons[inside])


def merge(shards: Sequence[tuple[Shard, Scores]], rows: int, sensors: int) -> Scores:
    """Return the scores of the whole job; raise ValueError unless each reading has exactly one."""
    dqf, reasons, count = (np.zeros((rows, sensors), dtype=np.int64) for _ in range(3))
    for shard, scores in shards:
        place = np.ix_(np.arange(shard.first_row, shard.end_row), np.array(shard.sensors, dtype=np.int64))
        dqf[place], reasons[place] = scores.dqf, scores.reasons
        count[place] += 1
    if (count != 1).any():
        raise ValueError("the shards do not cover each reading once")
    return Scores(dqf, reasons)


def _rows_with_halo(shard: Shard, rows: int) -> tuple[int, int]:
    return max(shard.first_row - ROWS_BEFORE, 0), min(shard.end_row + ROWS_AFTER, rows)

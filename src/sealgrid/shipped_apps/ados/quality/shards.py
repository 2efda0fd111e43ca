"""Splits readings into shards of sensors and slots that are scored apart, and merges their scores exactly.

A shard carries a halo: the rows before and after on which its scores depend, and the readings of its sensors'
neighbours and of their neighbours. So each score is computed from the same integers as in one piece.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .graph import SensorGraph
from .model import AdosModel
from .readings import Readings
from .score import ROWS_AFTER, ROWS_BEFORE, Scores, score

HALO_ROWS = ROWS_BEFORE + ROWS_AFTER


@dataclass(frozen=True)
class Shard:
    """The part of a job that one task scores; ranges exclude their ends."""

    sensors: tuple[int, ...]  #: numbers of the model's sensors, ascending
    first_row: int
    end_row: int


def plan_shards(sensors: int, rows: int, groups: int, windows: int) -> Iterator[Shard]:
    """Yield shards of about equal size: ``groups`` of sensors times ``windows`` of rows, none of them empty."""
    bounds = np.linspace(0, rows, windows + 1).astype(int)
    for first, end in itertools.pairwise(bounds.tolist()):
        for group in np.array_split(np.arange(sensors), groups):
            if len(group) and end > first:
                yield Shard(tuple(group.tolist()), first, end)


def rows_with_halo(shard: Shard, rows: int) -> tuple[int, int]:
    """Return the first row of a shard's readings and the row after the last; ``rows`` are those of the whole job."""
    return max(shard.first_row - ROWS_BEFORE, 0), min(shard.end_row + ROWS_AFTER, rows)


def with_halo(graph: SensorGraph, readings: Readings, shard: Shard) -> Readings:
    """Return the readings that a shard needs, the others absent."""
    kept = np.zeros(len(graph.sensors), dtype=np.bool_)
    kept[graph.near(np.array(shard.sensors, dtype=np.int64))] = True
    part = readings.between(*rows_with_halo(shard, readings.rows))
    return replace(
        part,
        values=np.where(kept, part.values, 0),
        present=part.present & kept,
        delays=np.where(kept, part.delays, 0),
        copies=np.where(kept, part.copies, 0),
    )


def score_shard(model: AdosModel, part: Readings, shard: Shard, rows: int) -> Scores:
    """Return the scores of a shard from its readings with halo; ``rows`` are those of the whole job."""
    first, _ = rows_with_halo(shard, rows)
    scores = score(model, part, np.array(shard.sensors, dtype=np.int64))
    inside = slice(shard.first_row - first, shard.end_row - first)
    return Scores(scores.dqf[inside], scores.reasons[inside])


class ShardMerger:
    """The scores of a job while its shards arrive, three bytes a reading."""

    def __init__(self, rows: int, sensors: int) -> None:
        self._dqf, self._reasons = (np.zeros((rows, sensors), dtype=np.uint8) for _ in range(2))
        self._scored = np.zeros((rows, sensors), dtype=np.bool_)

    def add(self, shard: Shard, scores: Scores) -> None:
        """Take the scores of a shard; raise ValueError if one of its readings has been scored."""
        rows, sensors = slice(shard.first_row, shard.end_row), list(shard.sensors)
        if self._scored[rows, sensors].any():
            raise ValueError("two shards score one reading")
        self._dqf[rows, sensors], self._reasons[rows, sensors] = scores.dqf, scores.reasons
        self._scored[rows, sensors] = True

    def scores(self) -> Scores:
        """Return the scores of the whole job; raise ValueError unless each reading has one."""
        if not self._scored.all():
            raise ValueError("the shards do not cover each reading once")
        return Scores(self._dqf, self._reasons)

"""The result of a run: canonical integers for each window, and for each reading; never an estimate of the network."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import numpy as np

from .readings import Frame, Integers, SmallIntegers
from .score import ALARM, NONE, REASONS, Scores

SCHEMA = "sealgrid/data-quality/1"
HOUR = 3600


def default_window(interval: int) -> int:
    """Return the rows of an hour, at least one."""
    return max(HOUR // interval, 1)


def summarise(frame: Frame, scores: Scores, window: int) -> dict[str, object]:
    """Return the document for programs; ``window`` is in rows.

    Windows begin at multiples of their length since 1970, so they do not depend on where a file begins. The DQF of a
    window is the mean of its readings', rounded down; its reason is the most frequent one of its faulty readings.
    """
    first_window = frame.first_slot // window
    bounds = _bounds(frame.first_slot, frame.rows, window)
    totals = scores.dqf.sum(axis=0, dtype=np.int64)
    faulty = (scores.dqf <= ALARM).sum(axis=0)
    return {
        "schema": SCHEMA,
        "interval": frame.interval,
        "first_time": _time(frame.first_slot * frame.interval),
        "rows": frame.rows,
        "faulty_at_most": ALARM,
        "sensors": [
            {"name": name, "dqf": int(totals[number]) // frame.rows, "faulty": int(faulty[number])}
            for number, name in enumerate(frame.sensors)
        ],
        "windows": {
            "rows": window,
            "first_time": _time(first_window * window * frame.interval),
            "sensors": [
                {
                    "name": name,
                    "dqf": window_quality(scores.dqf[:, number], bounds).tolist(),
                    "reasons": [REASONS[each] for each in _window_reasons(scores, number, bounds)],
                }
                for number, name in enumerate(frame.sensors)
            ],
        },
        "unknown_sensors": list(frame.unknown_sensors),
        "misdated_readings": frame.misdated,
    }


def window_quality(dqf: SmallIntegers, bounds: Integers) -> Integers:
    """Return the mean DQF of the readings from each bound to the next, rounded down."""
    sums = np.add.reduceat(dqf.astype(np.int64), bounds[:-1])
    quality: Integers = sums // np.diff(bounds)
    return quality


def table_header(sensors: Sequence[str]) -> str:
    """Return the first line of a table: the time and a column for each sensor."""
    return _lines([["time", *sensors]])


def table_rows(frame: Frame, first: int, cells: np.ndarray) -> str:
    """Return the lines of a table for the rows of a frame from ``first`` on; ``cells`` is [R, N]."""
    start = frame.first_slot + first
    return _lines([_time((start + row) * frame.interval), *entries] for row, entries in enumerate(cells.tolist()))


def reason_names(reasons: SmallIntegers) -> np.ndarray:
    """Return reasons by name, empty for none."""
    return np.array(["", *REASONS[1:]], dtype=object)[reasons]


def result_text(result: dict[str, object], digests: dict[str, str]) -> str:
    """Return the file ``result.json``: a result with the SHA-256 of the tables beside it, by their names."""
    named = {f"{name.replace('.', '_')}_sha256": digest for name, digest in digests.items()}
    return json.dumps(result | named, indent=1, allow_nan=False) + "\n"


def digest_of(text: str) -> str:
    """Return the SHA-256 of a table in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _lines(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _bounds(first_slot: int, rows: int, window: int) -> Integers:
    """Return the rows at which windows begin, and the end."""
    offset = -first_slot % window
    inner = np.arange(offset or window, rows, window, dtype=np.int64)
    return np.concatenate([[0], inner, [rows]])


def _window_reasons(scores: Scores, sensor: int, bounds: Integers) -> list[int]:
    counts = np.stack(
        [
            np.add.reduceat((scores.reasons[:, sensor] == reason).astype(np.int64), bounds[:-1])
            for reason in range(len(REASONS))
        ]
    )
    counts[NONE] = 0
    return [int(each) for each in np.where(counts.any(axis=0), counts.argmax(axis=0), NONE)]


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""The result of a run: canonical integers for each window, and for each reading; never an estimate of the network."""

import csv
import io
from datetime import UTC, datetime

import numpy as np

from .grid import GriddedReadings
from .readings import Integers
from .score import ALARM, NONE, REASONS, Scores

SCHEMA = "sealgrid/data-quality/1"
HOUR = 3600


def default_window(interval: int) -> int:
    """Return the rows of an hour, at least one."""
    return max(HOUR // interval, 1)


def summarise(gridded: GriddedReadings, scores: Scores, window: int) -> dict[str, object]:
    """Return the document for programs; ``window`` is in rows.

    Windows begin at multiples of their length since 1970, so they do not depend on where a file begins. The DQF of a
    window is the mean of its readings', rounded down; its reason is the most frequent one of its faulty readings.
    """
    readings = gridded.readings
    first_window = readings.first_slot // window
    bounds = _bounds(readings.first_slot, readings.rows, window)
    faulty = (scores.dqf <= ALARM).sum(axis=0)
    return {
        "schema": SCHEMA,
        "interval": readings.interval,
        "first_time": _time(readings.first_slot * readings.interval),
        "rows": readings.rows,
        "faulty_at_most": ALARM,
        "sensors": [
            {"name": name, "dqf": int(scores.dqf[:, number].mean()), "faulty": int(faulty[number])}
            for number, name in enumerate(readings.sensors)
        ],
        "windows": {
            "rows": window,
            "first_time": _time(first_window * window * readings.interval),
            "sensors": [
                {
                    "name": name,
                    "dqf": window_quality(scores.dqf[:, number], bounds).tolist(),
                    "reasons": [REASONS[each] for each in _window_reasons(scores, number, bounds)],
                }
                for number, name in enumerate(readings.sensors)
            ],
        },
        "unknown_sensors": list(gridded.unknown_sensors),
        "misdated_readings": gridded.misdated,
    }


def window_quality(dqf: Integers, bounds: Integers) -> Integers:
    """Return the mean DQF of the readings from each bound to the next, rounded down."""
    sums = np.add.reduceat(dqf, bounds[:-1])
    quality: Integers = sums // np.diff(bounds)
    return quality


def table(gridded: GriddedReadings, cells: Integers) -> str:
    """Return CSV with a row for each slot and a column for each sensor."""
    readings = gridded.readings
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["time", *readings.sensors])
    for row, entries in enumerate(cells.tolist()):
        writer.writerow([_time((readings.first_slot + row) * readings.interval), *entries])
    return text.getvalue()


def reason_names(scores: Scores) -> np.ndarray:
    """Return the reason of each reading by name, empty for none."""
    return np.array(["", *REASONS[1:]], dtype=object)[scores.reasons]


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

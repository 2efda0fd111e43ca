"""Files of readings outside the enclave: read one for training, write one for a run."""

import csv
import io
from datetime import UTC, datetime

import numpy as np

from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.grid import to_grid
from sealgrid.shipped_apps.ados.quality.messages import Messages
from sealgrid.shipped_apps.ados.quality.readings import MICRO, Readings


def read_for_training(content: bytes, interval: int | None = None) -> Readings:
    """Return the readings of all sensors of a file; without ``interval`` the most frequent distance of two times."""
    messages = read_file(content)
    return to_grid(messages, tuple(sorted(messages.sensors)), interval or most_frequent_interval(messages)).readings


def write_csv(readings: Readings) -> bytes:
    """Return readings as CSV, a row for each, with the time when it was received; in the order of their times."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["time", "sensor", "value", "received"])
    for row, column in np.argwhere(readings.present).tolist():
        seconds = (readings.first_slot + row) * readings.interval
        value = readings.values[row, column] / MICRO
        cells = [
            iso_time(seconds),
            readings.sensors[column],
            f"{value}",
            iso_time(seconds + int(readings.delays[row, column])),
        ]
        table.writerows([cells] * (1 + int(readings.copies[row, column])))
    return text.getvalue().encode()


def most_frequent_interval(messages: Messages) -> int:
    """Return the most frequent distance of two times, in seconds; raise ReadingsRefused where all are equal."""
    distances = np.rint(np.diff(np.unique(messages.times))).astype(np.int64)
    distances = distances[distances > 0]
    if not len(distances):
        raise ReadingsRefused("all readings have one time, so there is no interval between them.")
    found, count = np.unique(distances, return_counts=True)
    return int(found[count.argmax()])


def iso_time(seconds: int) -> str:
    """Return Unix seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

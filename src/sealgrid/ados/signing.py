"""Signs the readings of one station, and joins the files of several for a run that reports to a feed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sealgrid.ados.readings_file import most_frequent_interval
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.messages import Messages
from sealgrid.shipped_apps.ados.quality.report import default_window
from sealgrid.shipped_apps.ados.quality.signatures import WindowStatement, digest_of_readings, slots_of
from sealgrid.shipped_apps.ados.quality.signed_file import read_signed


@dataclass(frozen=True)
class SigningTerms:
    """How a station signs."""

    sensor: str
    interval: int | None = None  #: seconds between two readings; by default the file's most frequent distance
    rows: int | None = None  #: of a window; by default those of an hour


def sign_readings(content: bytes, key: SigningKey, terms: SigningTerms) -> bytes:
    """Return a JSON file with the readings of one sensor and a signature for each of its windows.

    ``content`` is a file of readings in any format. Windows between the first and the last reading that have none are
    signed too. Raises ReadingsRefused for a damaged file, InputRefused for one without the sensor.
    """
    messages = _of_sensor(read_file(content), terms.sensor)
    interval = terms.interval or most_frequent_interval(messages)
    rows = terms.rows or default_window(interval)
    slots = slots_of(messages, interval)
    signatures = []
    for window in range(int(slots.min()) // rows, int(slots.max()) // rows + 1):
        start, end = window * rows * interval, (window + 1) * rows * interval
        readings = digest_of_readings(messages, slots // rows == window)
        statement = WindowStatement(terms.sensor, interval, start, end, readings)
        signature = "0x" + key.sign(statement.digest()).hex()
        times = {"interval": interval, "start": start, "end": end}
        signatures.append({"sensor": terms.sensor, **times, "signature": signature})
    return _write({"readings": _records(messages), "signatures": signatures})


def join_files(contents: Sequence[bytes], roster: object) -> bytes:
    """Return one JSON file with all readings and signatures of signed files, and a feed's roster.

    Raises ReadingsRefused if a signature does not fit the readings and the roster, InputRefused for an unsigned file.
    """
    readings, signatures = [], []
    for number, content in enumerate(contents, start=1):
        try:
            document = json.loads(content)
            readings += document["readings"]
            signatures += document["signatures"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputRefused(
                f"file {number} has no signatures; sign it with: sealgrid ados sign.", money=""
            ) from error
    joined = _write({"roster": roster, "readings": readings, "signatures": signatures})
    read_signed(joined, read_file(joined))
    return joined


def _of_sensor(messages: Messages, sensor: str) -> Messages:
    if sensor not in messages.sensors:
        raise InputRefused(
            f"the file has no readings of {sensor!r}; it has those of {', '.join(messages.sensors[:5])}.", money=""
        )
    own = messages.numbers == messages.sensors.index(sensor)
    count = int(own.sum())
    columns = (messages.times[own], messages.values[own], messages.received[own])
    return Messages((sensor,), np.zeros(count, dtype=np.int64), *columns)


def _records(messages: Messages) -> list[dict[str, object]]:
    columns = (messages.times.tolist(), messages.values.tolist(), messages.received.tolist())
    return [
        {"time": time, "sensor": messages.sensors[0], "value": _finite(value), "received": _finite(received)}
        for time, value, received in zip(*columns, strict=True)
    ]


def _finite(number: float) -> float | None:
    """Return a number, None for a missing one; an infinite one as the largest, which is scored alike."""
    return None if np.isnan(number) else float(np.nan_to_num(number))


def _write(document: dict[str, object]) -> bytes:
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode() + b"\n"

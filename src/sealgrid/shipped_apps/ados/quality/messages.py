"""Readings as they came: one message for each, in the file's order."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from .errors import ReadingsRefused

MAX_MESSAGES = 20_000_000
MAX_SENSORS = 10_000
MAX_NAME = 200  #: characters of a sensor's name
LAST_TIME = 4_102_444_800  #: 1 January 2100
MILLISECONDS = 100_000_000_000  #: numbers from here on are milliseconds, as JavaScript counts

MISSING_CELLS = frozenset({"", "-", "?", "na", "n/a", "nan", "null", "none", "nil", "missing"})


class ReadingMessage(NamedTuple):
    """One reading; ``value`` and ``received`` are NaN where they are unknown."""

    time: float  #: Unix seconds
    sensor: str
    value: float
    received: float = float("nan")  #: Unix seconds


@dataclass(frozen=True)
class Messages:
    """All readings of a file; arrays have one entry a message."""

    sensors: tuple[str, ...]  #: in the order of their first message
    numbers: np.ndarray  #: of each message's sensor
    times: np.ndarray
    values: np.ndarray
    received: np.ndarray


def collect(messages: Iterable[ReadingMessage]) -> Messages:
    """Return messages as columns; raise ReadingsRefused for none, or for more than the limits."""
    sensors: dict[str, int] = {}
    columns: tuple[list[int], list[float], list[float], list[float]] = ([], [], [], [])
    numbers, times, values, received = columns
    for message in messages:
        numbers.append(sensors.setdefault(message.sensor, len(sensors)))
        times.append(message.time)
        values.append(message.value)
        received.append(message.received)
        if len(sensors) > MAX_SENSORS or len(times) > MAX_MESSAGES:
            raise ReadingsRefused(
                f"there are more than {MAX_SENSORS} sensors or {MAX_MESSAGES} readings; split the file."
            )
    if not times:
        raise ReadingsRefused("the file has no readings.")
    return Messages(tuple(sensors), np.array(numbers), *(np.array(each, dtype=np.float64) for each in columns[1:]))


def read_time(given: object, where: str) -> float:
    """Return a time as Unix seconds: a number, or a text of ISO 8601, in UTC where it names no zone."""
    if isinstance(given, str):
        seconds = _from_text(given.strip(), where)
    elif isinstance(given, int | float) and not isinstance(given, bool):
        seconds = _from_number(given)
    else:
        raise ReadingsRefused(f"{where}: a reading has no time.")
    if not 0 <= seconds < LAST_TIME:
        raise ReadingsRefused(f"{where}: the time {str(given)[:40]!r} is not between 1970 and 2100.")
    return seconds


def _from_number(number: float) -> float:
    """Return Unix seconds of a number of seconds, or of milliseconds where it is too large for seconds."""
    if number > float(LAST_TIME) * 1000:
        return float("inf")
    return number / 1000 if number >= MILLISECONDS else float(number)


def _from_text(text: str, where: str) -> float:
    with suppress(ValueError):
        return _from_number(float(text))
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise ReadingsRefused(
            f"{where}: {text[:40]!r} is no time; write 2026-01-31T12:00:00Z, or Unix seconds."
        ) from error


def read_value(given: object, where: str) -> float:
    """Return a measured value, NaN where it is missing."""
    if given is None:
        return float("nan")
    if isinstance(given, str):
        try:
            return float(given)
        except ValueError as error:
            text = given.strip()
            if text.lower() in MISSING_CELLS:
                return float("nan")
            raise ReadingsRefused(f"{where}: {text[:40]!r} is no number; leave a missing reading empty.") from error
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ReadingsRefused(f"{where}: a value is neither a number nor missing.")
    try:
        return float(given)
    except OverflowError:
        return float("inf") if given > 0 else float("-inf")


def read_sensor(given: object, where: str) -> str:
    """Return the name of a sensor."""
    name = given.strip() if isinstance(given, str) else ""
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise ReadingsRefused(
            f"{where}: a sensor's name is missing, longer than {MAX_NAME} characters or not printable."
        )
    return name


def first_of(record: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the first of ``names`` that a record has, without regard to case; None where it has none."""
    lower = {each.strip().lower(): each for each in record}
    return next((lower[name] for name in names if name in lower), None)

"""Readings as they came: one message for each, in the file's order."""

import re
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
_FINER = (
    (10**18, 10**9),
    (10**15, 10**6),
    (MILLISECONDS, 1000),
)  #: numbers from the first on have so many parts a second
_DAY_NUMBERS = (40_000, 60_000)  #: of spreadsheets, 2009 to 2064; as Unix seconds they are of one day in 1970
_DIGITS = re.compile(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?)?"
)  #: a date, with or without a time of day
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(.*)")
_SLASHED = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(.*)")
_UTC = re.compile(r" ?(?:UTC|GMT|\+0000 UTC)$")

#: without letter case
MISSING_CELLS = frozenset(
    (
        *(
            "",
            "-",
            "--",
            "---",
            "?",
            ".",
            "..",
            "*",
            "na",
            "n/a",
            "n.a.",
            "nan",
            "nat",
            "null",
            "(null)",
            "<null>",
            "none",
        ),
        *(
            "nil",
            "missing",
            "\\n",
            "<na>",
            "#n/a",
            "#na",
            "#div/0!",
            "#value!",
            "#ref!",
            "nd",
            "n/d",
            "no data",
            "nodata",
        ),
        *("not available", "unavailable", "unknown", "undefined", "error", "err", "bad", "offline", "''", '""'),
    )
)


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
    """Return a time as Unix seconds: a number, or a text of ISO 8601, in UTC where it names no zone.

    A number may count milliseconds, microseconds or nanoseconds. Digits alone that are a date of 1900 to 2099 are that
    date; ``31.01.2026`` and ``2026/1/31`` are dates too. Raises ReadingsRefused for a spreadsheet's number of a day.
    """
    if isinstance(given, str):
        seconds = _from_text(given.strip(), where)
    elif isinstance(given, int | float) and not isinstance(given, bool):
        seconds = _from_text(str(given), where) if _DIGITS.fullmatch(str(given)) else _from_number(given)
    else:
        raise ReadingsRefused(f"{where}: a reading has no time.")
    if _DAY_NUMBERS[0] <= seconds <= _DAY_NUMBERS[-1]:
        raise ReadingsRefused(
            f"{where}: {str(given)[:40]!r} is a spreadsheet's number of a day; write the time as 2026-01-31T12:00:00Z."
        )
    if not 0 <= seconds < LAST_TIME:
        raise ReadingsRefused(f"{where}: the time {str(given)[:40]!r} is not between 1970 and 2100.")
    return seconds


def _from_number(number: float) -> float:
    """Return Unix seconds of a number of seconds, or of a finer unit where it is too large for seconds."""
    if number > LAST_TIME * 10**9:
        return float("inf")
    return float(next((number / parts for least, parts in _FINER if number >= least), number))


def _from_text(text: str, where: str) -> float:
    digits = text.removesuffix(".0")
    if not _DIGITS.fullmatch(digits):
        with suppress(ValueError):
            return _from_number(float(text))
    try:
        time = datetime.fromisoformat(_in_iso(digits))
        return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise ReadingsRefused(
            f"{where}: {text[:40]!r} is not a time; write 2026-01-31T12:00:00Z, or Unix seconds."
        ) from error


def _in_iso(text: str) -> str:
    """Return another spelling of a time as ISO 8601; any other text as it is."""
    if _DIGITS.fullmatch(text):
        return f"{text[:8]}T{text[8:]}" if len(text) > 8 else text
    text = _UTC.sub("+00:00", text)
    if found := _DOTTED.fullmatch(text):
        day, month, year, rest = found.groups()
    elif found := _SLASHED.fullmatch(text):
        year, month, day, rest = found.groups()
    else:
        return text
    return f"{year}-{month:>02}-{day:>02}{rest}"


def read_value(given: object, where: str) -> float:
    """Return a measured value, NaN where it is missing."""
    if given is None:
        return float("nan")
    if isinstance(given, str):
        try:
            return float(given.replace("\N{MINUS SIGN}", "-"))
        except ValueError as error:
            text = given.strip()
            if text.lower() in MISSING_CELLS:
                return float("nan")
            raise ReadingsRefused(f"{where}: {text[:40]!r} is not a number; leave a missing reading empty.") from error
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

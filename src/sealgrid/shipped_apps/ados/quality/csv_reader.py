"""Reads CSV: a column for each sensor, or a row for each reading; both may have a column with the time of arrival."""

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from .errors import ReadingsRefused
from .messages import ReadingMessage, first_of, read_sensor, read_time, read_value

TIME = (
    *("time", "timestamp", "datetime", "date", "t", "_time", "ts", "date time", "date_time", "epoch", "created_at"),
    *("observed_at", "recorded_at", "measured_at", "phenomenontime", "zeit", "zeitstempel", "datum"),
)
DATE = "date"  #: may stand in a column of its own beside ``time``
SENSOR = (
    *("sensor", "station", "sensor_id", "station_id", "name", "id", "device", "device_id", "node", "tag", "channel"),
    *("metric", "series", "deveui", "sensor name", "station name", "_field", "field"),
)
VALUE = ("value", "reading", "measurement", "v", "val", "_value")
RECEIVED = ("received", "received_at", "arrival")
DELIMITERS = ",;\t|"
MAX_CELL = 1 << 16  #: characters
MAX_TITLES = 20  #: lines above the line of names
MAX_LABELS = 3  #: rows of units or types below it
_POINTS = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+")  #: points between thousands
_COMMAS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+\.\d+")
_IN_UTC = re.compile(r"[ _]*[\[(]?(?:utc|gmt|s)[\])]|_utc$", re.IGNORECASE)  #: behind the name of a column of times


def read_csv(text: str) -> Iterator[ReadingMessage]:
    """Yield the readings of a table; raise ReadingsRefused with the number of an invalid line."""
    return read_csv_lines(io.StringIO(text, newline=""))


def read_csv_lines(lines: Iterable[str]) -> Iterator[ReadingMessage]:
    """Yield the readings of a table as its lines come, so memory does not grow with the table."""
    rest = iter(lines)
    above = list(itertools.islice(rest, MAX_TITLES + 1))
    names = max(
        range(len(above)), key=lambda number: _cells_of_names(above[number]), default=0
    )  # the first of equal ones
    first = above[names] if above else ""
    delimiter = max(DELIMITERS, key=first.count)
    csv.field_size_limit(MAX_CELL)
    rows = csv.reader(itertools.chain(above[names:], rest), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        yield from _read_rows(rows, titles=names, decimal_comma=delimiter != ",")
    except csv.Error as error:
        raise ReadingsRefused(f"line {names + rows.line_num}: the table is damaged ({error}).") from error


def _cells_of_names(line: str) -> int:
    """Return how many names a line has; 0 for one that names no time."""
    names = line.strip("\ufeff\r\n").split(max(DELIMITERS, key=line.count))
    return len(names) if _time_of([name.strip(' "') for name in names]) is not None else 0


def _time_of(names: list[str]) -> str | None:
    """Return the column of times, whose name may say that they are in UTC."""
    plain = {_IN_UTC.sub("", name): name for name in reversed(names)}
    found = first_of(list(plain), TIME)
    return None if found is None else plain[found]


class _CsvRows(Protocol):
    """What ``csv.reader`` returns."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


@dataclass(frozen=True)
class _Columns:
    """Which columns of a table hold what; ``sensor`` and ``value`` are None where each sensor has a column."""

    names: list[str]  #: empty for a column that is left out
    time: str
    date: str | None  #: where the time of day has a column of its own
    sensor: str | None
    value: str | None
    received: str | None
    sensors: list[str]

    def messages(self, row: dict[str, str], where: str, *, decimal_comma: bool) -> Iterator[ReadingMessage]:
        """Yield the readings of a row."""
        at = read_time(row[self.time] if self.date is None else f"{row[self.date]} {row[self.time]}", where)
        came = row[self.received].strip() if self.received is not None else ""
        received = read_time(came, where) if came else float("nan")
        if self.sensor is not None and self.value is not None:
            cells = [(read_sensor(row[self.sensor], where), row[self.value])]
        else:
            cells = [(name, row[name]) for name in self.sensors]
        for name, cell in cells:
            yield ReadingMessage(at, name, _value(cell, where, decimal_comma=decimal_comma), received)


def _read_rows(rows: "_CsvRows", *, titles: int, decimal_comma: bool) -> Iterator[ReadingMessage]:
    columns = _read_names(next(rows, []))
    labels: list[ReadingsRefused] | None = []  # what is wrong with the first rows if they are no units
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"line {titles + rows.line_num}"
        while len(cells) > len(columns.names) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(columns.names):
            raise ReadingsRefused(
                f"{where}: there are {len(cells)} cells, and {len(columns.names)} names in the first line."
            )
        try:
            read = list(
                columns.messages(dict(zip(columns.names, cells, strict=True)), where, decimal_comma=decimal_comma)
            )
        except ReadingsRefused as refused:
            if labels is None or len(labels) == MAX_LABELS or _time_of(cells) or any(map(_is_number, cells)):
                raise
            labels.append(refused)
            continue
        labels = None
        yield from read
    if labels:
        raise labels[0]


def _is_number(cell: str) -> bool:
    return cell.strip()[:1].isdigit() or cell.strip()[1:2].isdigit()


def _read_names(cells: list[str]) -> _Columns:
    while len(cells) > 1 and not cells[-1].strip():
        cells = cells[:-1]
    names = [name.strip().strip("\ufeff") for name in cells]
    time = _time_of(names)
    if time is None:
        raise ReadingsRefused(f"the first line names no column of times; call one {TIME[0]!r}.")
    if len(set(names)) != len(names):
        raise ReadingsRefused("the first line has the same name twice.")
    date = first_of(names, [DATE]) if time.lower() == "time" else None
    sensor, value, received = (first_of(names, kind) for kind in (SENSOR, VALUE, RECEIVED))
    if sensor is not None and value is not None:
        return _Columns(names, time, date, sensor, value, received, [])
    if sensor is not None and sensor.lower() in SENSOR[:4] and len(names) > 2:
        raise ReadingsRefused(
            f"the first line names sensors ({sensor!r}) and no column of values; call one {VALUE[0]!r}."
        )
    left_out = {time, date, received} if names[0] else {time, date, received, ""}  # pandas counts the rows
    sensors = [read_sensor(name, "line 1") for name in names if name not in left_out]
    if not sensors:
        raise ReadingsRefused("the first line names no sensor besides the time.")
    return _Columns(names, time, date, None, None, received, sensors)


def _value(cell: str, where: str, *, decimal_comma: bool) -> float:
    if decimal_comma and cell.count(",") == 1 and ("." not in cell or _POINTS.fullmatch(cell.strip())):
        cell = cell.replace(".", "").replace(",", ".")
    elif _COMMAS.fullmatch(cell.strip()):
        cell = cell.replace(",", "")
    return read_value(cell, where)

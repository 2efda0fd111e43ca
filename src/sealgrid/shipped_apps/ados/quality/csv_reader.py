"""Reads CSV: a column for each sensor, or a row for each reading; both may have a column with the time of arrival."""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from .errors import ReadingsRefused
from .messages import ReadingMessage, first_of, read_sensor, read_time, read_value

TIME = ("time", "timestamp", "datetime", "date", "t")
SENSOR = ("sensor", "station", "sensor_id", "station_id", "name", "id")
VALUE = ("value", "reading", "measurement", "v")
RECEIVED = ("received", "received_at", "arrival")
DELIMITERS = ",;\t|"
MAX_CELL = 1 << 16  #: characters


def read_csv(text: str) -> Iterator[ReadingMessage]:
    """Yield the readings of a table; raise ReadingsRefused with the line for what is none."""
    return read_csv_lines(io.StringIO(text, newline=""))


def read_csv_lines(lines: Iterable[str]) -> Iterator[ReadingMessage]:
    """Yield the readings of a table as its lines come, so memory does not grow with the table."""
    rest = iter(lines)
    first = next(rest, "")
    delimiter = max(DELIMITERS, key=first.count)
    csv.field_size_limit(MAX_CELL)
    rows = csv.reader(itertools.chain([first], rest), delimiter=delimiter, strict=True)
    try:
        yield from _read_rows(rows, decimal_comma=delimiter != ",")
    except csv.Error as error:
        raise ReadingsRefused(f"line {rows.line_num}: the table is damaged ({error}).") from error


class _CsvRows(Protocol):
    """What ``csv.reader`` returns."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


@dataclass(frozen=True)
class _Columns:
    """Which columns of a table hold what; ``sensor`` and ``value`` are None where each sensor has a column."""

    names: list[str]
    time: str
    sensor: str | None
    value: str | None
    received: str | None
    sensors: list[str]

    def messages(self, row: dict[str, str], where: str, *, decimal_comma: bool) -> Iterator[ReadingMessage]:
        """Yield the readings of a row."""
        at = read_time(row[self.time], where)
        came = row[self.received].strip() if self.received is not None else ""
        received = read_time(came, where) if came else float("nan")
        if self.sensor is not None and self.value is not None:
            cells = [(read_sensor(row[self.sensor], where), row[self.value])]
        else:
            cells = [(name, row[name]) for name in self.sensors]
        for name, cell in cells:
            yield ReadingMessage(at, name, _value(cell, where, decimal_comma=decimal_comma), received)


def _read_rows(rows: "_CsvRows", *, decimal_comma: bool) -> Iterator[ReadingMessage]:
    columns = _read_names(next(rows, []))
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"line {rows.line_num}"
        if len(cells) != len(columns.names):
            raise ReadingsRefused(
                f"{where}: there are {len(cells)} cells, and {len(columns.names)} names in the first line."
            )
        yield from columns.messages(dict(zip(columns.names, cells, strict=True)), where, decimal_comma=decimal_comma)


def _read_names(cells: list[str]) -> _Columns:
    names = [name.strip() for name in cells]
    time = first_of(names, TIME)
    if time is None:
        raise ReadingsRefused(f"the first line names no column of times; call one {TIME[0]!r}.")
    if len(set(names)) != len(names):
        raise ReadingsRefused("the first line has the same name twice.")
    sensor, value, received = (first_of(names, kind) for kind in (SENSOR, VALUE, RECEIVED))
    if sensor is not None and value is not None:
        return _Columns(names, time, sensor, value, received, [])
    sensors = [read_sensor(name, "line 1") for name in names if name not in {time, received}]
    if not sensors:
        raise ReadingsRefused("the first line names no sensor besides the time.")
    return _Columns(names, time, None, None, received, sensors)


def _value(cell: str, where: str, *, decimal_comma: bool) -> float:
    if decimal_comma and cell.count(",") == 1 and "." not in cell:
        cell = cell.replace(",", ".")
    return read_value(cell, where)

"""Compares an app's statistics of a table with those of Python's standard library, read without the app's code.

The app's result says how it read a column: its kind, and notes on what it left out. This comparison opens the file and
converts the cells by means of its own, so a mistake of the app's reader is found.
"""

import csv
import gzip
import io
import math
import statistics
from collections import Counter
from collections.abc import Iterator
from typing import Any

TOLERANCE = 1e-5  #: relative; the app prints six digits
_COMMA_NOTE = "a comma is read as the decimal mark"


def differences(table: bytes, result: dict[str, Any]) -> tuple[str, ...]:
    """Return a sentence for each number of a result that differs from the CSV table's."""
    names = [column["name"] for column in result["columns"]]
    header, rows = _rows(_text(table), names)
    if not header:
        return (f"no line of the table has the names {names}",)
    found = [] if result["rows"] == len(rows) else [f"the table has {len(rows)} rows, not {result['rows']}"]
    unread = [name for name in header if name and name not in names]
    found += [f"the columns are {header}, not {names}"] if unread else []
    for column in result["columns"]:
        place = header.index(column["name"])
        cells = [row[place].strip() for row in rows if place < len(row) and row[place].strip()]
        found += [f"{column['name']}: {sentence}" for sentence in _of_column(cells, column)]
    return tuple(found)


def _text(table: bytes) -> str:
    if table[:2] == b"\x1f\x8b":
        table = gzip.decompress(table)
    if table[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return table.decode("utf-16")
    try:
        return table.decode("utf-8-sig")
    except UnicodeDecodeError:
        return table.decode("cp1252", errors="replace")


def _rows(text: str, names: list[str]) -> tuple[list[str], list[list[str]]]:
    """Return the line with most of the names, and the rows below it, at the delimiter that gives most of them."""

    def at(delimiter: str) -> tuple[int, list[str], list[list[str]]]:
        rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(map(str.strip, row))
        ]
        headers = [[" ".join(cell.split()) for cell in row] for row in rows[:30]]
        best = max(range(len(headers)), key=lambda place: (len(set(names) & set(headers[place])), -place), default=0)
        return (len(set(names) & set(headers[best])), headers[best], rows[best + 1 :]) if headers else (0, [], [])

    count, header, rows = max((at(delimiter) for delimiter in ",;\t| "), key=lambda found: found[0])
    return (header, rows) if count == len(names) else ([], [])


def _of_column(cells: list[str], result: dict[str, Any]) -> Iterator[str]:
    if result["kind"] in {"withheld", "date"}:
        return
    if result["kind"] == "text":
        counts = Counter(cells)
        yield from (
            f"{each['value']!r} is in {counts[each['value']]} rows, not {each['rows']}"
            for each in result["most_frequent"]
            if counts[each["value"]] != each["rows"]
        )
        return
    comma = any(note["what"] == _COMMA_NOTE for note in result.get("notes", []))
    numbers = [number for cell in cells if (number := _number(cell, "," if comma else ".")) is not None]
    if result["values"] != len(numbers):
        yield f"it has {len(numbers)} values, not {result['values']}"
        return
    for name, expected in (("mean", statistics.fmean(numbers)), ("deviation", statistics.stdev(numbers))):
        if not math.isclose(expected, result[name], rel_tol=TOLERANCE):
            yield f"its {name} is {expected:.6g}, not {result[name]:.6g}"
    if (counted := sum(each["rows"] for each in result["histogram"])) != len(numbers):
        yield f"the histogram has {counted} of {len(numbers)} values"


def _number(cell: str, decimal: str) -> float | None:
    """Return the digits of a cell as a number; None without digits."""
    cell = cell.replace("\N{ARABIC DECIMAL SEPARATOR}", decimal)
    kept = "".join(
        str(int(each)) if each.isdecimal() else each for each in cell if each.isdecimal() or each in f"{decimal}eE+-"
    )
    negative = cell.startswith("(") or kept.endswith("-") or "\N{MINUS SIGN}" in cell
    try:
        value = float(kept.strip("-").replace(decimal, "."))
    except ValueError:
        return None
    return -abs(value) if negative or kept.startswith("-") else value

"""Compares an app's statistics of a table with those that Python's standard library computes."""

import csv
import io
import math
import statistics
from collections import Counter
from collections.abc import Iterator
from typing import Any

TOLERANCE = 1e-5  #: relative; the app prints six digits


def differences(table: bytes, result: dict[str, Any]) -> tuple[str, ...]:
    """Return a sentence for each number of a result that differs from the CSV table's."""
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    columns = {column["name"]: column for column in result["columns"]}
    found = [] if result["rows"] == len(rows) else [f"the table has {len(rows)} rows, not {result['rows']}"]
    found += [f"the columns are {list(rows[0])}, not {list(columns)}"] if list(columns) != list(rows[0]) else []
    for name, column in columns.items():
        cells = [row[name] for row in rows if row.get(name)]
        found += [f"{name}: {sentence}" for sentence in _of_column(cells, column)]
    return tuple(found)


def _of_column(cells: list[str], result: dict[str, Any]) -> Iterator[str]:
    if result["kind"] == "withheld":
        return
    if result["values"] != len(cells):
        yield f"it has {len(cells)} values, not {result['values']}"
    if result["kind"] == "text":
        counts = Counter(cells)
        yield from (
            f"{each['value']!r} is in {counts[each['value']]} rows, not {each['rows']}"
            for each in result["most_frequent"]
            if counts[each["value"]] != each["rows"]
        )
        return
    numbers = [float(cell) for cell in cells]
    for name, expected in (("mean", statistics.fmean(numbers)), ("deviation", statistics.stdev(numbers))):
        if not math.isclose(expected, result[name], rel_tol=TOLERANCE):
            yield f"its {name} is {expected:.6g}, not {result[name]:.6g}"
    if (counted := sum(each["rows"] for each in result["histogram"])) != len(numbers):
        yield f"the histogram has {counted} of {len(numbers)} values"

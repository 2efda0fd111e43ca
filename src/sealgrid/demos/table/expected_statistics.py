"""Reckon at home, with Python's own statistics, what an app said of a table: its owner has the table and can."""

import csv
import io
import math
import statistics
from collections import Counter
from collections.abc import Iterator
from typing import Any

TOLERANCE = 1e-5  #: relative; the app tells six digits


def differences(table: bytes, told: dict[str, Any]) -> tuple[str, ...]:
    """Return a sentence for each number of a result that a table in commas does not give."""
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    columns = {column["name"]: column for column in told["columns"]}
    found = [] if told["rows"] == len(rows) else [f"the table has {len(rows)} rows, not {told['rows']}"]
    found += [f"the columns are {list(rows[0])}, not {list(columns)}"] if list(columns) != list(rows[0]) else []
    for name, column in columns.items():
        cells = [row[name] for row in rows if row.get(name)]
        found += [f"{name}: {sentence}" for sentence in _of_column(cells, column)]
    return tuple(found)


def _of_column(cells: list[str], told: dict[str, Any]) -> Iterator[str]:
    if told["kind"] == "withheld":
        return
    if told["values"] != len(cells):
        yield f"it has {len(cells)} values, not {told['values']}"
    if told["kind"] == "text":
        counts = Counter(cells)
        yield from (
            f"{each['value']!r} is in {counts[each['value']]} rows, not {each['rows']}"
            for each in told["most_frequent"]
            if counts[each["value"]] != each["rows"]
        )
        return
    numbers = [float(cell) for cell in cells]
    for what, own in (("mean", statistics.fmean(numbers)), ("deviation", statistics.stdev(numbers))):
        if not math.isclose(own, told[what], rel_tol=TOLERANCE):
            yield f"its {what} is {own:.6g}, not {told[what]:.6g}"
    if (counted := sum(each["rows"] for each in told["histogram"])) != len(numbers):
        yield f"the histogram holds {counted} of {len(numbers)} values"

"""The result for people: one line a column, with a small histogram or the most frequent texts."""

from collections.abc import Mapping, Sequence
from typing import Any

HEADINGS = ("column", "values", "mean", "deviation", "median", "")
BARS = " ▁▂▃▄▅▆▇█"
MOST_TEXTS = 3


def overview(result: Mapping[str, Any]) -> str:
    """Return the text of overview.txt for the content of result.json; it tells nothing that is not there."""
    rows = [HEADINGS, *(_row(column) for column in result["columns"])]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS) - 1)]
    lines = [f"{result['rows']} rows; no number tells of fewer than {result['least_rows']}", ""]
    return "\n".join([*lines, *(_line(row, widths) for row in rows), ""])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers = (
        text.rjust(width) if place else text.ljust(width)
        for place, (text, width) in enumerate(zip(row, widths, strict=False))
    )
    return "  ".join([name, *numbers, row[-1]]).rstrip()


def _row(column: Mapping[str, Any]) -> tuple[str, ...]:
    name, kind = column["name"], column["kind"]
    if kind == "withheld":
        return name, "", "", "", "", f"withheld: {column['reason']}"
    values = str(column["values"])
    if kind == "text":
        return name, values, "", "", "", _texts(column)
    numbers = (column["mean"], column["deviation"], column["quantiles"].get("0.5"))
    shown = ("" if number is None else f"{number:g}" for number in numbers)
    return name, values, *shown, _bars([each["rows"] for each in column["histogram"]])


def _texts(column: Mapping[str, Any]) -> str:
    first = column["most_frequent"][:MOST_TEXTS]
    others = column["values"] - sum(each["rows"] for each in first)
    told = [f"{each['value']} {each['rows']}" for each in first]
    return ", ".join([*told, f"others {others}"] if others else told)


def _bars(counts: Sequence[int]) -> str:
    most = max(counts)
    return "".join(BARS[-(-count * (len(BARS) - 1) // most)] for count in counts)

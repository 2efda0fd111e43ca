"""The result for people: one line a column, with a small histogram or the most frequent texts."""

from collections.abc import Mapping
from typing import Any

HEADINGS = ("column", "values", "mean", "deviation", "median", "")
BARS = " ▁▂▃▄▅▆▇█"
MAX_TEXTS = 3


def overview(result: Mapping[str, Any]) -> str:
    """Return the text of overview.txt for the content of result.json; it contains nothing more."""
    rows = [HEADINGS, *(_row(column) for column in result["columns"])]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS) - 1)]
    lines = [f"{result['rows']} rows; no number describes fewer than {result['least_rows']}", ""]
    for row in rows:
        name = row[0].ljust(widths[0])
        numbers = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:], strict=True)]
        lines.append("  ".join([name, *numbers, row[-1]]).rstrip())
    return "\n".join([*lines, ""])


def _row(column: Mapping[str, Any]) -> tuple[str, ...]:
    name, kind = column["name"], column["kind"]
    if kind == "withheld":
        return name, "", "", "", "", f"withheld: {column['reason']}"
    values = str(column["values"])
    if kind == "text":
        first = column["most_frequent"][:MAX_TEXTS]
        others = column["values"] - sum(each["rows"] for each in first)
        texts = [f"{each['value']} {each['rows']}" for each in first]
        return name, values, "", "", "", ", ".join([*texts, f"others {others}"] if others else texts)
    numbers = (column["mean"], column["deviation"], column["quantiles"].get("0.5"))
    cells = ("" if number is None else f"{number:g}" for number in numbers)
    counts = [each["rows"] for each in column["histogram"]]
    bars = "".join(BARS[-(-count * (len(BARS) - 1) // max(counts))] for count in counts)
    return name, values, *cells, bars

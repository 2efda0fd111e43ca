"""The result for people: one line a column, with a small histogram or the most frequent texts; then the notes."""

from collections.abc import Iterator, Mapping
from typing import Any

from .notes import shortened

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
    notes = list(_notes(result))
    return "\n".join([*lines, *(["", "Left out, or read in another way than written:", *notes] if notes else []), ""])


def _notes(result: Mapping[str, Any]) -> Iterator[str]:
    for note in result.get("notes", []):
        yield f"  {_sentence(note)}"
    for column in result["columns"]:
        for note in column.get("notes", []):
            yield f"  {column['name']}: {_sentence(note)}"


def _sentence(note: Mapping[str, Any]) -> str:
    if "cells" not in note:
        return str(note["what"])
    count = "some cells, not counted here" if note["cells"] is None else f"{note['cells']} cells"
    examples = ", ".join(note.get("examples", []))
    return f"{note['what']}: {count}" + (f" ({examples})" if examples else "")


def _row(column: Mapping[str, Any]) -> tuple[str, ...]:
    name, kind = column["name"], column["kind"]
    if kind == "withheld":
        return name, "", "", "", "", f"withheld: {column['reason']}"
    values = str(column["values"])
    if kind == "text":
        first = column["most_frequent"][:MAX_TEXTS]
        others = column["values"] - sum(each["rows"] for each in first)
        texts = [f"{shortened(each['value'])} {each['rows']}" for each in first]
        return name, values, "", "", "", ", ".join([*texts, f"others {others}"] if others else texts)
    counts = [each["rows"] for each in column["histogram"]]
    bars = "".join(BARS[-(-count * (len(BARS) - 1) // max(counts))] for count in counts)
    median = column["quantiles"].get("0.5")
    if kind == "date":
        return name, values, column["mean"], f"{column['deviation_days']:g} days", median or "", bars
    cells = ("" if number is None else f"{number:g}" for number in (column["mean"], column["deviation"], median))
    return name, values, *cells, bars

"""The result: statistics of a table's columns; none describes fewer than ten rows."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .numbers import describe_numbers
from .table import MIN_ROWS, Numbers, Texts, read_table
from .texts import describe_texts


def summarise(path: Path) -> dict[str, object]:
    """Return the content of result.json; raise TableRefused for an invalid table."""
    table = read_table(path)
    return {"rows": table.rows, "least_rows": MIN_ROWS, "columns": [describe(column) for column in table.columns]}


def to_json(result: Mapping[str, Any]) -> str:
    """Return the text of result.json: each column on a line of its own."""

    def as_json(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    columns = ",\n".join(f"  {as_json(column)}" for column in result["columns"])
    return f'{{"rows": {result["rows"]}, "least_rows": {result["least_rows"]}, "columns": [\n{columns}\n]}}\n'


def describe(column: Numbers | Texts) -> dict[str, object]:
    """Return the statistics of one column; a column with fewer than ``MIN_ROWS`` values is withheld."""
    count = len(column.values) if isinstance(column, Numbers) else column.counts.total()
    if count < MIN_ROWS:
        return {"name": column.name, "kind": "withheld", "reason": f"it has fewer than {MIN_ROWS} values"}
    if isinstance(column, Numbers):
        return {"name": column.name, "kind": "number", "values": count, **describe_numbers(column)}
    return {"name": column.name, "kind": "text", "values": count, **describe_texts(column)}

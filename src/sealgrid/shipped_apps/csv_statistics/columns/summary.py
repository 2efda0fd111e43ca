"""The result: statistics of a table's columns, none about fewer than ten rows."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .numbers import describe_numbers
from .table import LEAST, Numbers, Texts, read_table
from .texts import describe_texts


def summarise(path: Path) -> dict[str, object]:
    """Return the content of result.json; raise TableRefused for a file that is no table."""
    table = read_table(path)
    return {"rows": table.rows, "least_rows": LEAST, "columns": [describe(column) for column in table.columns]}


def written(result: Mapping[str, Any]) -> str:
    """Return the text of result.json: each column on a line of its own."""

    def as_json(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    columns = ",\n".join(f"  {as_json(column)}" for column in result["columns"])
    return f'{{"rows": {result["rows"]}, "least_rows": {result["least_rows"]}, "columns": [\n{columns}\n]}}\n'


def describe(column: Numbers | Texts) -> dict[str, object]:
    """Return what is told of one column; of fewer than ``LEAST`` values, nothing but that."""
    count = len(column.values) if isinstance(column, Numbers) else column.counts.total()
    if count < LEAST:
        return {"name": column.name, "kind": "withheld", "reason": f"it has fewer than {LEAST} values"}
    kind, told = (
        ("number", describe_numbers(column)) if isinstance(column, Numbers) else ("text", describe_texts(column))
    )
    return {"name": column.name, "kind": kind, "values": count, **told}

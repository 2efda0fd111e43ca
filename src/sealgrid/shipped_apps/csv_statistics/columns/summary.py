"""The result: statistics of a table's columns; none describes fewer than ten rows."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .column import Column, Dates, Numbers
from .dates import describe_dates
from .notes import MIN_ROWS
from .numbers import describe_numbers
from .table import read_table
from .texts import describe_texts


def summarise(path: Path) -> dict[str, object]:
    """Return the content of result.json; raise TableRefused for an invalid table."""
    table = read_table(path)
    notes = [note.public(table.rows) for note in table.notes]
    return {
        "rows": table.rows,
        "least_rows": MIN_ROWS,
        **({"notes": notes} if notes else {}),
        "columns": [describe(column, table.rows) for column in table.columns],
    }


def to_json(result: Mapping[str, Any]) -> str:
    """Return the text of result.json: each column on a line of its own."""

    def as_json(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    head = ", ".join(f'"{name}": {as_json(value)}' for name, value in result.items() if name != "columns")
    columns = ",\n".join(f"  {as_json(column)}" for column in result["columns"])
    return f'{{{head}, "columns": [\n{columns}\n]}}\n'


def describe(column: Column, rows: int) -> dict[str, object]:
    """Return the statistics of one column; a column with fewer than ``MIN_ROWS`` values is withheld.

    A withheld column has no notes: one about its unit or its identifiers would describe the cell of a single row.
    """
    count = len(column.values) if isinstance(column, Numbers | Dates) else column.counts.total()
    if count < MIN_ROWS:
        return {"name": column.name, "kind": "withheld", "reason": f"it has fewer than {MIN_ROWS} values"}
    notes = [public for note in column.notes if (public := note.public(rows))]
    noted = {"notes": notes} if notes else {}
    if isinstance(column, Numbers):
        unit = {"unit": column.unit} if column.unit else {}
        return {"name": column.name, "kind": "number", "values": count, **unit, **describe_numbers(column), **noted}
    if isinstance(column, Dates):
        return {"name": column.name, "kind": "date", "values": count, **describe_dates(column), **noted}
    return {"name": column.name, "kind": "text", "values": count, **describe_texts(column), **noted}

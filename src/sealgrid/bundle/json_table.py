"""Recognises tables in JSON by onnx-runner's rules: records, and what pandas writes in each orientation.

The app's own ``runner/tables.py`` reads them in the enclave; the browser's ``tensor_check.js`` has the same rules.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sealgrid.bundle.input_words import join_words, quoted


class TableFault(Exception):
    """Why content is a table that does not fit together, in words."""


@dataclass(frozen=True, slots=True)
class JsonRows:
    """Rows of named columns."""

    columns: tuple[str, ...]
    rows: list[list[object]]

    def by_column(self) -> dict[str, list[object]]:
        """Return the values of each column."""
        return {name: [row[place] for row in self.rows] for place, name in enumerate(self.columns)}


def as_table(content: object, names: Sequence[str]) -> JsonRows | None:
    """Return the table that content is, for a model with inputs of these names; None for other content.

    (1) Records, a list of objects. (2) ``split``: ``columns`` and ``data``. (3) ``table``: ``schema`` and ``data``.
    (4) ``columns``: an object of objects by column, then by row; or ``index``: by row, then by column. (5) Lists by
    column, for a model of one input with another name. Raises TableFault for rows that differ in their columns.
    """
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        return _of_records(content)  # (1)
    if not isinstance(content, dict) or not content or any(_has_values(content, name) for name in names):
        return None
    if {"columns", "data"} <= content.keys() <= {"columns", "data", "index"}:
        return _of_split(content["columns"], content["data"])  # (2)
    if content.keys() == {"schema", "data"}:
        return _of_schema(content["schema"], content["data"])  # (3)
    if all(isinstance(each, dict) for each in content.values()):
        return _of_objects(content, names)  # (4)
    return _of_lists(content) if len(names) == 1 else None  # (5)


def _has_values(content: Mapping[str, object], name: str) -> bool:
    """Return whether content has a member of this name that is no column of objects."""
    return name in content and not isinstance(content[name], dict)


def _of_records(records: Sequence[Mapping[str, object]]) -> JsonRows:
    columns = tuple(records[0])
    for number, row in enumerate(records, start=1):
        if row.keys() != records[0].keys():
            different = join_words([quoted(name) for name in sorted(row.keys() ^ records[0].keys())], "and")
            raise TableFault(f"record {number} and record 1 have different names: {different}")
    return JsonRows(columns, [[row[column] for column in columns] for row in records])


def _of_split(columns: object, rows: object) -> JsonRows:
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
        raise TableFault("the columns of the split form are a list of names")
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise TableFault(f"the data of the split form are a list of rows with {len(columns)} values each")
    if len(set(columns)) != len(columns):
        raise TableFault("two columns of the split form have the same name")
    return JsonRows(tuple(columns), rows)


def _of_schema(schema: object, records: object) -> JsonRows | None:
    """Return a table without the columns of its index."""
    if not isinstance(schema, dict) or not isinstance(records, list) or not records:
        return None
    index = schema.get("primaryKey")
    names = set(index) if isinstance(index, list) and all(isinstance(name, str) for name in index) else set()
    if not all(isinstance(row, dict) for row in records):
        return None
    return _of_records([{name: value for name, value in row.items() if name not in names} for row in records])


def _of_objects(content: Mapping[str, Mapping[str, object]], names: Sequence[str]) -> JsonRows:
    first, *others = content.values()
    if any(each.keys() != first.keys() for each in others):
        raise TableFault("the columns or rows of the input, an object of objects, have different names")
    is_index = not set(names) & content.keys() and (set(names) & first.keys() or _is_numbered(content))
    if is_index and not _is_numbered(first):
        return _of_records(list(content.values()))
    return JsonRows(tuple(content), [[column[row] for column in content.values()] for row in first])


def _is_numbered(keys: Iterable[str]) -> bool:
    return all(key.isdecimal() for key in keys)


def _of_lists(content: Mapping[str, Any]) -> JsonRows | None:
    columns = [each for each in content.values() if isinstance(each, list)]
    if len(columns) < len(content) or any(isinstance(value, list | dict) for column in columns for value in column):
        return None
    if len({len(column) for column in columns}) > 1:
        raise TableFault("the columns of the input differ in length")
    return JsonRows(tuple(content), [list(row) for row in zip(*columns, strict=True)])

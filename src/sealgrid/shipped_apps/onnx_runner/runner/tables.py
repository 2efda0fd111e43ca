"""Recognises tables in JSON: records, and what pandas writes in each orientation. Columns are an input's or inputs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import RunRefused


@dataclass(frozen=True)
class JsonTable:
    """Rows of named columns."""

    columns: tuple[str, ...]
    rows: list[list[object]]


def as_table(content: object, names: Sequence[str]) -> JsonTable | None:
    """Return the table that content is, for a model with inputs of these names; None for other content.

    (1) Records, a list of objects. (2) ``split``: ``columns`` and ``data``. (3) ``table``: ``schema`` and ``data``.
    (4) ``columns``: an object of objects by column, then by row; or ``index``: by row, then by column. (5) Lists by
    column, for a model of one input with another name. Raises RunRefused for rows that differ in their columns.
    """
    if isinstance(content, list) and content and all(isinstance(row, dict) for row in content):
        return _of_records(content)
    if not isinstance(content, dict) or not content or set(names) & content.keys() - _columns_of_objects(content):
        return None
    if {"columns", "data"} <= content.keys() <= {"columns", "data", "index"}:
        return _of_split(content["columns"], content["data"])
    if content.keys() == {"schema", "data"}:
        return _of_schema(content["schema"], content["data"])
    if all(isinstance(each, dict) for each in content.values()):
        return _of_objects(content, names)
    return _of_lists(content) if len(names) == 1 else None


def quoted(names: Iterable[str]) -> str:
    """Return names for a sentence, in their order."""
    return ", ".join(repr(name) for name in sorted(names))


def _columns_of_objects(content: Mapping[str, Any]) -> set[str]:
    return {name for name, value in content.items() if isinstance(value, dict)}


def _of_records(records: Sequence[Mapping[str, object]]) -> JsonTable:
    columns = tuple(records[0])
    for number, row in enumerate(records, start=1):
        if row.keys() != records[0].keys():
            different = quoted(row.keys() ^ records[0].keys())
            raise RunRefused(f"record {number} and record 1 have different names: {different}.")
    return JsonTable(columns, [[row[column] for column in columns] for row in records])


def _of_split(columns: object, rows: object) -> JsonTable:
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
        raise RunRefused("the columns of the split form are a list of names.")
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise RunRefused(f"the data of the split form are a list of rows with {len(columns)} values each.")
    if len(set(columns)) != len(columns):
        raise RunRefused("two columns of the split form have the same name.")
    return JsonTable(tuple(columns), rows)


def _of_schema(schema: object, records: object) -> JsonTable | None:
    """Return a table without the columns of its index."""
    if not isinstance(schema, dict) or not isinstance(records, list) or not records:
        return None
    index = schema.get("primaryKey")
    names = set(index) if isinstance(index, list) and all(isinstance(name, str) for name in index) else set()
    if not all(isinstance(row, dict) for row in records):
        return None
    return _of_records([{name: value for name, value in row.items() if name not in names} for row in records])


def _of_objects(content: Mapping[str, Mapping[str, object]], names: Sequence[str]) -> JsonTable | None:
    first, *others = content.values()
    if any(each.keys() != first.keys() for each in others):
        raise RunRefused("the columns or rows of the input, an object of objects, have different names.")
    is_index = not set(names) & content.keys() and (set(names) & first.keys() or _is_numbered(content))
    if is_index and not _is_numbered(first):
        return _of_records(list(content.values()))
    return JsonTable(tuple(content), [[column[row] for column in content.values()] for row in first])


def _is_numbered(keys: Iterable[str]) -> bool:
    return all(key.isdecimal() for key in keys)


def _of_lists(content: Mapping[str, object]) -> JsonTable | None:
    columns = [each for each in content.values() if isinstance(each, list)]
    if len(columns) < len(content) or any(isinstance(value, list | dict) for column in columns for value in column):
        return None
    if len({len(column) for column in columns}) > 1:
        raise RunRefused("the columns of the input differ in length.")
    return JsonTable(tuple(content), [list(row) for row in zip(*columns, strict=True)])

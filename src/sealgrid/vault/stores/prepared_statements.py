"""Statements that are compiled once and run on SQLite's own cursor: a vault runs thousands a second.

Compiling, caching and wrapping results in SQLAlchemy took a third of a vault's time under load (bench/vault_load.py).
SQLAlchemy still defines the tables and statements, and opens and closes the connection.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ClauseElement

_DIALECT = sqlite.dialect(paramstyle="named")
param = bindparam  #: a named value of a statement


class PreparedRows:
    """The rows of a result, each with its columns by name."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def one_or_none(self) -> Any | None:
        """Return the only row, or None."""
        return self._rows[0] if self._rows else None

    def scalar_one(self) -> Any:
        """Return the only value of the only row."""
        ((value,),) = self._rows
        return value

    def scalar_one_or_none(self) -> Any | None:
        """Return the only value of the only row, or None without a row."""
        return self._rows[0][0] if self._rows else None

    def scalars(self) -> list[Any]:
        """Return the only value of each row."""
        return [value for (value,) in self._rows]


class PreparedStatement:
    """One statement. Its values must be of types that SQLite accepts as they are: text, integers, bytes."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self._sql, self._constants = str(compiled), {k: v for k, v in compiled.params.items() if v is not None}
        self._row: Callable[[tuple[Any, ...]], Any] | None = None

    def run(self, connection: Connection, **values: object) -> PreparedRows:
        """Run the statement with these values; raises what ``sqlite3`` raises."""
        cursor = driver_connection(connection).execute(self._sql, self._constants | values)
        if cursor.description is None:
            return PreparedRows([])
        if self._row is None:
            columns = [name for name, *_ in cursor.description]
            kind = namedtuple("kind", columns)  # type: ignore[misc]  # noqa: PYI024  columns are known at run time only
            self._row = kind._make
        return PreparedRows([self._row(row) for row in cursor])


def driver_connection(connection: Connection) -> Any:
    """Return the ``sqlite3`` connection below SQLAlchemy's."""
    return connection.connection.driver_connection


def row_params(table: Table) -> dict[str, Any]:
    """Return a named value for every column of a table."""
    return {column.name: param(column.name) for column in table.columns}


def upsert(table: Table) -> ClauseElement:
    """Return the statement that writes a whole row and replaces one with the same key."""
    row, keys = row_params(table), [column.name for column in table.primary_key]
    return sqlite.insert(table).values(row).on_conflict_do_update(index_elements=keys, set_=row)


def insert_or_ignore(table: Table) -> ClauseElement:
    """Return the statement that writes a whole row unless one with the same key exists."""
    return sqlite.insert(table).values(row_params(table)).on_conflict_do_nothing()

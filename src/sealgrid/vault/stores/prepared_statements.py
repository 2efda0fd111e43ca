"""Statements that are compiled once and handed to SQLite itself: a vault runs thousands a second.

SQLAlchemy would build, hash and look up each, and wrap each result; under load that was a third of a vault's time
(bench/vault_load.py). It still defines the tables and writes the statements, and opens and closes the connection.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Table, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ClauseElement

_DIALECT = sqlite.dialect(paramstyle="named")
given = bindparam  #: where a value comes in, by name


class PreparedRows:
    """The rows that a statement gave, each with its columns by name."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def one_or_none(self) -> Any | None:
        """Return the row of a statement that finds one at most."""
        return self._rows[0] if self._rows else None

    def scalar_one(self) -> Any:
        """Return the value of a statement that always finds one."""
        ((value,),) = self._rows
        return value

    def scalar_one_or_none(self) -> Any | None:
        """Return the value of a statement that finds one at most."""
        return self._rows[0][0] if self._rows else None

    def scalars(self) -> list[Any]:
        """Return the values of a statement that finds one in each row."""
        return [value for (value,) in self._rows]


class PreparedStatement:
    """One statement over values that SQLite takes as they are: text, whole numbers, bytes."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self._sql, self._fixed = str(compiled), {k: v for k, v in compiled.params.items() if v is not None}
        self._row: Callable[[tuple[Any, ...]], Any] | None = None

    def on(self, connection: Connection, **values: object) -> PreparedRows:
        """Run it with these values; raises what ``sqlite3`` raises."""
        cursor = straight(connection).execute(self._sql, self._fixed | values)
        if cursor.description is None:
            return PreparedRows([])
        if self._row is None:
            self._row = _row_of([name for name, *_ in cursor.description])
        return PreparedRows([self._row(row) for row in cursor])


def _row_of(columns: list[str]) -> Callable[[tuple[Any, ...]], Any]:
    kind = namedtuple("kind", columns)  # type: ignore[misc]  # noqa: PYI024  what a statement finds is known here first
    return kind._make


def straight(connection: Connection) -> Any:
    """Return the ``sqlite3`` connection below SQLAlchemy's."""
    return connection.connection.driver_connection


def replaced_in(table: Table) -> ClauseElement:
    """Return the statement that writes a whole row, in place of one with the same key."""
    row: dict[str, Any] = {column.name: bindparam(column.name) for column in table.columns}
    keys = [column.name for column in table.primary_key]
    return sqlite.insert(table).values(row).on_conflict_do_update(index_elements=keys, set_=row)

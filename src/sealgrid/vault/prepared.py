"""Statements that are compiled once: SQLAlchemy would build, hash and look them up for each of hundreds a second."""

from typing import Any

from sqlalchemy import Connection, CursorResult, Table, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.elements import ClauseElement

_DIALECT = sqlite.dialect(paramstyle="named")
given = bindparam  #: where a value comes in, by name


class Prepared:
    """One statement over values that SQLite takes as they are: text, whole numbers, bytes."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self._sql, self._fixed = str(compiled), {k: v for k, v in compiled.params.items() if v is not None}

    def on(self, connection: Connection, **values: object) -> CursorResult[Any]:
        """Run it with these values."""
        return connection.exec_driver_sql(self._sql, self._fixed | values)


def replaced_in(table: Table) -> ClauseElement:
    """Return the statement that writes a whole row, in place of one with the same key."""
    row: dict[str, Any] = {column.name: bindparam(column.name) for column in table.columns}
    keys = [column.name for column in table.primary_key]
    return sqlite.insert(table).values(row).on_conflict_do_update(index_elements=keys, set_=row)

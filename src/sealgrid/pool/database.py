"""A pool's database: limits of its sessions, one error while it does not answer, and tables of this version."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sql

from sealgrid.errors import DatabaseUnavailable, InputRefused
from sealgrid.pool.tables import META

#: Limits of a session (parameters of libpq and PostgreSQL): a server that vanished or a process that hangs is noticed.
POSTGRES_LIMITS: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "options": "-c statement_timeout=30s -c idle_in_transaction_session_timeout=30s",
}
_log = logging.getLogger("sealgrid.pool")


def open_engine(url: str) -> sql.Engine:
    """Return an engine for the database at an SQLAlchemy ``url``; its own parameters replace ``POSTGRES_LIMITS``."""
    parsed = sql.make_url(url)
    return sql.create_engine(parsed, connect_args=_limits(parsed))


def session_arguments(engine: sql.Engine) -> dict[str, Any]:
    """Return the arguments of psycopg for a session outside the engine's pool."""
    return _limits(engine.url) | dict(engine.dialect.create_connect_args(engine.url)[1])


@contextmanager
def database_errors() -> Iterator[None]:
    """Raise DatabaseUnavailable where the database does not answer."""
    try:
        yield
    except (sql.exc.OperationalError, sql.exc.InterfaceError) as error:
        _log.warning("the pool's database does not answer: %s", error)
        raise DatabaseUnavailable("the pool's database does not answer now; try again in a few seconds.") from error


def create_tables(connection: sql.Connection, tables: Sequence[sql.Table] = tuple(META.sorted_tables)) -> None:
    """Create tables that are missing; raise InputRefused where one has the columns of another version."""
    META.create_all(connection, tables=list(tables))
    inspector = sql.inspect(connection)
    for table in tables:
        if {column["name"] for column in inspector.get_columns(table.name)} != set(table.columns.keys()):
            raise InputRefused(
                f"the table {table.name} of the pool's database is of another version of Sealgrid. Use an empty "
                "database, or the version that made it; a local network begins anew after: sealgrid down --wipe",
                money="",
            )


def _limits(url: sql.URL) -> dict[str, Any]:
    limits = POSTGRES_LIMITS if url.get_backend_name() == "postgresql" else {}
    return {name: limit for name, limit in limits.items() if name not in url.query}

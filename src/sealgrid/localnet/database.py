"""The PostgreSQL of a local network's market and pool: a server of its own, or one that somebody else runs."""

import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import sqlalchemy as sql

from sealgrid.errors import InputRefused
from sealgrid.localnet.layout import EMBEDDED, POSTGRES, Layout
from sealgrid.localnet.postgres_server import PostgresServer
from sealgrid.localnet.processes import ChildProcess, OnReady, fork
from sealgrid.wire.unix_sockets import temporary_folder

_START_SECONDS: Final = 60.0


def start_database(
    layout: Layout, postgres: str, children: list[ChildProcess], on_progress: Callable[[str], None]
) -> str:
    """Return the SQLAlchemy URL of the database, empty for SQLite; start the server if it is the network's own.

    Raises InputRefused for a database that cannot be used.
    """
    if not postgres:
        return ""
    if postgres != EMBEDDED:
        return checked_url(postgres)
    on_progress(POSTGRES)
    # A socket's path must be short, and the data folder's may be long.
    socket_folder = Path(tempfile.mkdtemp(prefix="sealgrid-pg-", dir=temporary_folder()))
    server = PostgresServer(layout.part(POSTGRES) / "data", socket_folder, layout.log("postgresql"))
    children.append(fork(POSTGRES, layout.log(POSTGRES), lambda ready: _serve(server, ready)))
    children[-1].wait_ready(_START_SECONDS)
    return server.url


def checked_url(text: str) -> str:
    """Return the SQLAlchemy URL of a PostgreSQL that answers; raise InputRefused without its password."""
    try:
        url = sql.make_url(text).set(drivername="postgresql+psycopg")
    except (sql.exc.ArgumentError, ValueError):
        raise InputRefused("--postgres takes a URL like postgresql://user@host/database, or: embedded") from None
    if not text.startswith("postgresql"):
        raise InputRefused("--postgres takes a URL like postgresql://user@host/database, or: embedded")
    engine = sql.create_engine(url)
    try:
        with engine.connect():
            return url.render_as_string(hide_password=False)
    except sql.exc.SQLAlchemyError as error:
        cause = str(error.orig).strip() if isinstance(error, sql.exc.DBAPIError) else type(error).__name__
        raise InputRefused(f"the database {url} cannot be used: {cause}") from None
    finally:
        engine.dispose()


def _serve(server: PostgresServer, ready: OnReady) -> None:
    def stop(*_: object) -> None:
        # Without waiting: the interrupted code may be in ``wait``, which does not let another wait in.
        if not server.interrupt():
            raise SystemExit(0)

    try:
        signal.signal(signal.SIGTERM, stop)
        server.socket_folder.mkdir(mode=0o700, exist_ok=True)  # an earlier process of this part removed it
        server.initialize()
        server.start()
        ready()
        raise SystemExit(server.wait())
    finally:
        shutil.rmtree(server.socket_folder, ignore_errors=True)

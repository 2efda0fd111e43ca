"""A PostgreSQL of the tests' own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sealgrid.localnet.postgres_server import postgres_server


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server; yield its SQLAlchemy URL."""
    with (
        tempfile.TemporaryDirectory(prefix="sealgrid-pg-") as folder,
        postgres_server(Path(folder, "data"), Path(folder, "log"), "fsync=off") as server,
    ):
        yield server.url

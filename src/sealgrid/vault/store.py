"""A vault's database: SQLite in WAL mode, every commit on the disk before anything is answered.

Calls are short and run on the event loop itself: what a handler reads and writes without an ``await`` in between is
one step for everybody else.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from sealgrid.attestation.policy import Platform
from sealgrid.errors import InputRefused

DATABASE = "vault.db"
SCHEMA = "1"
_metadata = MetaData()

about = Table("about", _metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

assets = Table(
    "assets",
    _metadata,
    Column("asset", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("file_sha256", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("record_digest", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("share", LargeBinary, nullable=False),  # encrypted, keys.AtRest
    Column("received", Integer, nullable=False),
)

policies = Table(
    "policies",
    _metadata,
    Column("asset", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("policy", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

grants = Table(
    "grants",
    _metadata,
    Column("owner", Text, primary_key=True),
    Column("file_sha256", Text, primary_key=True),
    Column("app", Text, primary_key=True),
    Column("request", Text, primary_key=True),
    Column("grant", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

nonces = Table(
    "nonces",
    _metadata,
    Column("nonce", LargeBinary, primary_key=True),
    Column("task", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("enclave", Text, nullable=False),
    Column("expires", Integer, nullable=False, index=True),
)

attempts = Table(
    "attempts",
    _metadata,
    Column("task", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("enclave", Text, nullable=False),
)

releases = Table(
    "releases",
    _metadata,
    Column("task", Text, primary_key=True),
    Column("enclave", Text, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Column("runtime", Text, nullable=False),
    Column("platform", Integer, nullable=False),
    Column("session", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("dataset", Text, nullable=False),  # empty when the deal has none
    Column("deadline", Integer, nullable=False),
    Column("released", Integer, nullable=False),
    Index("uses", "dataset", "requester", "released"),
)

settles = Table(
    "settles",
    _metadata,
    Column("task", Text, primary_key=True),
    Column("enclave", Text, primary_key=True),
    Column("settle", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("verdict", LargeBinary, nullable=False),
    Column("record", LargeBinary),
    Column("record_signature", LargeBinary),
    Column("share", LargeBinary),  # encrypted, keys.AtRest
    Column("settled", Integer, nullable=False),
)


class Store:
    """The open database of one vault; close it."""

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        with self.transaction() as connection:
            _metadata.create_all(connection)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Commit everything inside, or nothing."""
        with self._engine.begin() as connection:
            yield connection

    def claim(self, identity: Mapping[str, str]) -> None:
        """Bind a new database to one vault on one chain; raise InputRefused when it belongs to another."""
        wanted = {"schema": SCHEMA, **identity}
        with self.transaction() as connection:
            rows = connection.execute(select(about.c.name, about.c.value)).all()
            known = {name: value for name, value in rows if name in wanted}
            if not known:
                connection.execute(insert(about), [{"name": name, "value": value} for name, value in wanted.items()])
            elif known != wanted:
                differing = sorted(name for name in wanted if known.get(name) != wanted[name])
                raise InputRefused(f"this vault's folder belongs to another {', '.join(differing)}; use a new folder.")

    def evaluation(self) -> dict[Platform, int]:
        """Return the highest collateral evaluation number that was seen of each platform."""
        with self.transaction() as connection:
            rows = connection.execute(select(about.c.name, about.c.value).where(about.c.name.like("evaluation %")))
            return {Platform(int(name.split()[1])): int(value) for name, value in rows}

    def raise_evaluation(self, platform: Platform, number: int) -> None:
        """Remember a platform's evaluation number; it never falls."""
        with self.transaction() as connection:
            if number > self._evaluation_of(connection, platform):
                row = {"name": f"evaluation {int(platform)}", "value": str(number)}
                connection.execute(upsert(about).values(row).on_conflict_do_update(index_elements=["name"], set_=row))

    @staticmethod
    def _evaluation_of(connection: Connection, platform: Platform) -> int:
        found = connection.scalar(select(about.c.value).where(about.c.name == f"evaluation {int(platform)}"))
        return int(found) if found is not None else 0


def _configure(connection: Any, _: object) -> None:
    # SQLAlchemy's own recipe: without this the driver would begin transactions late, after the first read.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")

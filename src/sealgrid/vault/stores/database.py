"""A vault's database: SQLite in WAL mode, every commit on the disk before anything is answered.

Calls are short and run on the event loop itself: what a handler reads and writes without an ``await`` in between is
one step for everybody else. Handlers share commits: each writes, and waits with ``saved`` until some commit has put
its writes on the disk; a crash before that forgets what nobody was told.
"""

import asyncio
import threading
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
from sqlalchemy.exc import DBAPIError

from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.units import Digest
from sealgrid.vault.stores.prepared_statements import straight

DATABASE = "vault.db"
SCHEMA = "2"
_RESTORED = "restored"
metadata = MetaData()

about = Table("about", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

assets = Table(
    "assets",
    metadata,
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

iexec_values = Table(
    "iexec_values",  # what the owner of a key that came by iExec's route signed; its share is in assets
    metadata,
    Column("asset", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("value_hash", Text, nullable=False),
)

versions = Table(
    "versions",  # every version of a key that was ever here; a version never comes back
    metadata,
    Column("asset", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("record", LargeBinary, nullable=False),
    Column("record_digest", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("received", Integer, nullable=False),
    Column("destroyed", Integer, nullable=False),  # 0 while the share is there
)

policies = Table(
    "policies",
    metadata,
    Column("asset", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("policy", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("file_sha256", Text, primary_key=True),
    Column("app", Text, primary_key=True),
    Column("request", Text, primary_key=True),
    Column("grant", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

nonces = Table(
    "nonces",
    metadata,
    Column("nonce", LargeBinary, primary_key=True),
    Column("task", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("enclave", Text, nullable=False),
    Column("expires", Integer, nullable=False, index=True),
)

attempts = Table(
    "attempts",
    metadata,
    Column("task", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("enclave", Text, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("task", Text, primary_key=True),
    Column("enclave", Text, primary_key=True),
    Column("worker", Text, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Column("runtime", Text, nullable=False),
    Column("platform", Integer, nullable=False),
    Column("session", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("dataset", Text, nullable=False),  # empty when the deal has none
    Column("owner", Text, nullable=False),  # of the dataset then
    Column("deadline", Integer, nullable=False),
    Column("released", Integer, nullable=False),
)

uses = Table(
    "uses",  # one row for each task that had a dataset's key from this vault, or from another one by that one's log
    metadata,
    Column("task", Text, primary_key=True),
    Column("owner", Text, primary_key=True),  # of the dataset then
    Column("dataset", Text, nullable=False),
    Column("requester", Text, nullable=False),
    Column("used", Integer, nullable=False),  # the last release, or our Verdict after it
    Column("deadline", Integer, nullable=False),  # the task's contribution deadline
    Column("settled", Integer, nullable=False),  # 1 once it has our Verdict
    Column("check_at", Integer),  # from when on the chain may say that nobody paid; NULL where that gives nothing back
    Index("uses_by_requester", "dataset", "requester", "deadline"),
    Index("uses_to_check", "dataset", "owner", "check_at"),
)

use_counts = Table(
    "use_counts",  # rows of uses, counted: to count them each time would take longer with every use
    metadata,
    Column("dataset", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("tasks", Integer, nullable=False),
)

peer_positions = Table(
    "peer_positions",  # how far the log of each other vault was read
    metadata,
    Column("vault", Text, primary_key=True),
    Column("next", Integer, nullable=False),
)

settles = Table(
    "settles",
    metadata,
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


class VaultDatabase:
    """The open database of one vault; close it. One connection, which every step has to itself."""

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
        event.listen(self._engine, "connect", _configure)
        self._alone = threading.RLock()
        self._connection: Connection | None = None
        self._begun = self._broken = self._committing = False
        self._written = self._saved = 0  # steps, counted
        self._saving: asyncio.Task[None] | None = None
        with self.transaction() as connection:
            metadata.create_all(connection)
        self.commit()
        self._evaluation = self._read_evaluation()
        self._restored = self._read_restored()

    def close(self) -> None:
        """Commit and close the connection."""
        with self._alone:
            if not self._broken:
                self.commit()
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Do everything inside or nothing; it is on the disk after ``saved`` or ``commit``."""
        with self._alone:
            connection = self._connected()
            run = straight(connection).execute
            if not self._begun:
                run("BEGIN IMMEDIATE")
                self._begun = True
            run("SAVEPOINT step")
            try:
                yield connection
            except BaseException:
                self._undo(connection)
                raise
            run("RELEASE step")
            self._written += 1

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read what was written so far, on the disk or not."""
        with self._alone:
            yield self._connected()

    def commit(self) -> None:
        """Put everything that was written on the disk.

        Raises ServiceUnavailable when that fails, and from then on whenever the database is asked for anything: what
        was decided on lost writes must never be told.
        """
        with self._alone:
            if not self._begun:
                return
            written = self._written
            try:
                self._connected().exec_driver_sql("COMMIT")
            except DBAPIError as error:
                self._broken = True
                raise _broken() from error
            self._begun, self._saved = False, written

    async def saved(self) -> None:
        """Return once everything that was written so far is on the disk; those who wait together share a commit."""
        wanted = self._written
        while self._saved < wanted:
            if self._saving is None:
                self._saving = asyncio.create_task(self._save())
            await asyncio.shield(self._saving)

    async def scrubbed(self) -> None:
        """Return once nothing that was deleted or replaced is left on the disk, in the write-ahead log neither.

        Deleted cells are overwritten as they are freed (secure_delete). Raises ServiceUnavailable while somebody who
        reads the database, such as a backup, keeps the log from being emptied.
        """
        await self.saved()
        await self.turn()
        if await asyncio.to_thread(self._empty_log):
            raise ServiceUnavailable(
                "a backup is being made, so old shares are not yet destroyed; ask again.", money=""
            )

    def _empty_log(self) -> bool:
        with self._alone:
            self.commit()
            return bool(self._connected().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar())

    async def turn(self) -> None:
        """Wait while a commit is under way; a step would block the whole event loop until it is over."""
        if self._committing and self._saving is not None:
            await asyncio.shield(self._saving)

    async def _save(self) -> None:
        await asyncio.sleep(0)  # whoever can write in this turn of the loop comes along
        self._committing = True
        try:
            await asyncio.to_thread(self.commit)
        finally:
            self._committing, self._saving = False, None

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
        self.commit()

    def evaluation(self) -> Mapping[Digest, int]:
        """Return the highest collateral evaluation number that was seen of each series."""
        return self._evaluation

    def raise_evaluation(self, series: Digest, number: int) -> None:
        """Remember a series' evaluation number; it never falls."""
        if number <= self._evaluation.get(series, 0):
            return
        row = {"name": f"evaluation {series}", "value": str(number)}
        with self.transaction() as connection:
            connection.execute(upsert(about).values(row).on_conflict_do_update(index_elements=["name"], set_=row))
        self._evaluation = {**self._evaluation, series: number}

    @property
    def restored(self) -> int:
        """Return when the database was restored from a copy, in Unix seconds; 0 if never."""
        return self._restored

    def note_restoration(self, at: int) -> None:
        """Remember that the database is a copy that was put back at this time."""
        row = {"name": _RESTORED, "value": str(at)}
        with self.transaction() as connection:
            connection.execute(upsert(about).values(row).on_conflict_do_update(index_elements=["name"], set_=row))
        self._restored = at

    def _read_restored(self) -> int:
        with self.reading() as connection:
            return int(connection.scalar(select(about.c.value).where(about.c.name == _RESTORED)) or 0)

    def _read_evaluation(self) -> dict[Digest, int]:
        with self.reading() as connection:
            rows = connection.execute(select(about.c.name, about.c.value).where(about.c.name.like("evaluation %")))
            return {Digest(name.split()[1]): int(value) for name, value in rows}

    def _connected(self) -> Connection:
        if self._broken:
            raise _broken()
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _undo(self, connection: Connection) -> None:
        driver = straight(connection)
        if driver.in_transaction:
            driver.execute("ROLLBACK TO step")
            driver.execute("RELEASE step")
        else:  # a full disk takes the whole transaction back, with what others wrote
            self._broken = True


def _broken() -> ServiceUnavailable:
    return ServiceUnavailable("this vault cannot write to its disk; its operator must make room and start it again.")


def _configure(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")

"""A vault's database: SQLite in WAL mode. Every write is on the disk before its response leaves the vault.

Calls are short and run on the event loop: what a handler reads and writes without an ``await`` in between is atomic for
all other handlers. Handlers share commits (group commit): each writes, then waits with ``flush`` until a commit has put
its writes on the disk. A crash before that loses only writes whose response was never sent.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, insert, select
from sqlalchemy.exc import DBAPIError

from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.units import Digest
from sealgrid.vault.stores.prepared_statements import PreparedStatement, driver_connection, upsert
from sealgrid.vault.stores.schema import about, metadata

DATABASE = "vault.db"
SCHEMA = "2"
_RESTORED = "restored"
_SET_ABOUT = PreparedStatement(upsert(about))


class VaultDatabase:
    """The open database of one vault, with one connection that every step uses exclusively. Close it after use."""

    def __init__(self, path: Path) -> None:
        self._engine = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT")
        event.listen(self._engine, "connect", _configure)
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._in_transaction = self._failed = self._committing = False
        self._written = self._committed = 0  # number of steps
        self._commit_task: asyncio.Task[None] | None = None
        with self.transaction() as connection:
            metadata.create_all(connection)
        self.commit()
        with self.reading() as connection:
            rows = {row.name: row.value for row in connection.execute(select(about))}
        prefix = "evaluation "
        self._evaluations: Mapping[Digest, int] = {
            Digest(name.removeprefix(prefix)): int(value) for name, value in rows.items() if name.startswith(prefix)
        }
        self._restored_at = int(rows.get(_RESTORED, 0))

    def close(self) -> None:
        """Commit and close the connection."""
        with self._lock:
            if not self._failed:
                self.commit()
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Run the block as one atomic step; ``flush`` or ``commit`` puts it on the disk."""
        with self._lock:
            connection = self._connected()
            driver = driver_connection(connection)
            run = driver.execute
            if not self._in_transaction:
                run("BEGIN IMMEDIATE")
                self._in_transaction = True
            run("SAVEPOINT step")
            try:
                yield connection
            except BaseException:
                if driver.in_transaction:
                    run("ROLLBACK TO step")
                    run("RELEASE step")
                else:  # on a full disk SQLite rolls back the whole transaction, including other handlers' writes
                    self._failed = True
                raise
            run("RELEASE step")
            self._written += 1

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read everything written so far, committed or not."""
        with self._lock:
            yield self._connected()

    def commit(self) -> None:
        """Commit everything written so far.

        Raises ServiceUnavailable if that fails, and on every later use: no response may depend on lost writes.
        """
        with self._lock:
            if not self._in_transaction:
                return
            written = self._written
            try:
                self._connected().exec_driver_sql("COMMIT")
            except DBAPIError as error:
                self._failed = True
                raise _write_error() from error
            self._in_transaction, self._committed = False, written

    async def flush(self) -> None:
        """Wait until everything written so far is on the disk; concurrent callers share one commit."""
        target = self._written
        while self._committed < target:
            if self._commit_task is None:
                self._commit_task = asyncio.create_task(self._commit_soon())
            await asyncio.shield(self._commit_task)

    async def scrub(self) -> None:
        """Wait until no deleted or replaced content is left on the disk, including the write-ahead log.

        SQLite overwrites deleted cells when it frees them (secure_delete). Raises ServiceUnavailable while a reader,
        such as a backup, prevents SQLite from truncating the log.
        """
        await self.flush()
        await self.wait_for_commit()
        if await asyncio.to_thread(self._truncate_log):
            raise ServiceUnavailable("a backup is running, so old shares are not destroyed yet; try again.", money="")

    def _truncate_log(self) -> bool:
        with self._lock:
            self.commit()
            return bool(self._connected().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar())

    async def wait_for_commit(self) -> None:
        """Wait while a commit is running; a step started meanwhile would block the event loop until its end."""
        if self._committing and self._commit_task is not None:
            await asyncio.shield(self._commit_task)

    async def _commit_soon(self) -> None:
        await asyncio.sleep(0)  # lets all handlers that are ready in this loop iteration write first
        self._committing = True
        try:
            await asyncio.to_thread(self.commit)
        finally:
            self._committing, self._commit_task = False, None

    def claim(self, identity: Mapping[str, str]) -> None:
        """Bind a new database to one vault on one chain; raise InputRefused for a database bound to another."""
        expected = {"schema": SCHEMA, **identity}
        with self.transaction() as connection:
            rows = connection.execute(select(about.c.name, about.c.value)).all()
            known = {name: value for name, value in rows if name in expected}
            if not known:
                connection.execute(insert(about), [{"name": name, "value": value} for name, value in expected.items()])
            elif known != expected:
                differing = sorted(name for name in expected if known.get(name) != expected[name])
                raise InputRefused(f"this vault's folder belongs to another {', '.join(differing)}; use a new folder.")
        self.commit()

    def evaluations(self) -> Mapping[Digest, int]:
        """Return the highest collateral evaluation number seen of each series."""
        return self._evaluations

    def raise_evaluation(self, series: Digest, number: int) -> None:
        """Store a series' evaluation number if it is higher than the stored one."""
        if number <= self._evaluations.get(series, 0):
            return
        self._set_about(f"evaluation {series}", str(number))
        self._evaluations = {**self._evaluations, series: number}

    @property
    def restored_at(self) -> int:
        """Return when the database was restored from a backup, in Unix seconds; 0 if never."""
        return self._restored_at

    def note_restoration(self, at: int) -> None:
        """Record that the database was restored from a backup at this time."""
        self._set_about(_RESTORED, str(at))
        self._restored_at = at

    def _set_about(self, name: str, value: str) -> None:
        with self.transaction() as connection:
            _SET_ABOUT.run(connection, name=name, value=value)

    def _connected(self) -> Connection:
        if self._failed:
            raise _write_error()
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection


def _write_error() -> ServiceUnavailable:
    return ServiceUnavailable("this vault cannot write to its disk; its operator must make room and start it again.")


def _configure(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")

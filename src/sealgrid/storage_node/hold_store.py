"""Persists holds and chain references in a SQLite file beside the stored files."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from sealgrid.storage.atomic_file import disk_errors
from sealgrid.storage_node.quota_types import (
    ClientKind,
    Effect,
    FileHold,
    RecordChainReference,
    RecordHold,
    RecordRemoval,
    RemoveHold,
)
from sealgrid.units import Address, Digest

#: ``reader`` is the hold's account; it was only that of a result at first
_TABLES = """
CREATE TABLE IF NOT EXISTS holds (
    file TEXT NOT NULL, client TEXT NOT NULL, kind INTEGER NOT NULL, size INTEGER NOT NULL, stored REAL NOT NULL,
    until REAL NOT NULL, pinned REAL NOT NULL, reader TEXT, PRIMARY KEY (file, client)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS named (file TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS removed (file TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class HoldStore:
    """Writes the effects of ``StorageQuotas``. A power failure may lose the holds of the last seconds."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # Not synchronous: a lost row loses the client of a file, never its content.
        self._database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + _TABLES)

    def holds(self) -> list[FileHold]:
        """Return all holds, oldest first."""
        rows = self._database.execute(
            "SELECT file, client, kind, size, stored, until, pinned, reader FROM holds ORDER BY stored"
        )
        return [
            FileHold(
                Digest(file),
                client,
                ClientKind(kind),
                size,
                stored,
                until,
                pinned,
                Address(account) if account else None,
            )
            for file, client, kind, size, stored, until, pinned, account in rows
        ]

    def named(self) -> list[Digest]:
        """Return the files that assets on the chain name."""
        return [Digest(file) for (file,) in self._database.execute("SELECT file FROM named")]

    def removed(self) -> list[Digest]:
        """Return the files that were removed at their accounts' request and not stored again."""
        return [Digest(file) for (file,) in self._database.execute("SELECT file FROM removed")]

    def write(self, effects: Iterable[Effect]) -> None:
        """Record effects in one transaction; raise ServiceUnavailable if the disk is full or fails."""
        statements = [statement for effect in effects for statement in _statements(effect)]
        if not statements:
            return
        try:
            self._database.execute("BEGIN")
            for sql, values in statements:
                self._database.execute(sql, values)
            self._database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            with disk_errors():
                raise OSError(str(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _statements(effect: Effect) -> list[tuple[str, tuple[object, ...]]]:
    match effect:
        case RecordHold(hold):
            row = (
                hold.file,
                hold.client,
                int(hold.kind),
                hold.size,
                hold.stored,
                hold.until,
                hold.pinned,
                hold.account,
            )
            return [
                ("INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row),
                ("DELETE FROM removed WHERE file = ?", (hold.file,)),
            ]
        case RemoveHold(file, client):
            return [("DELETE FROM holds WHERE file = ? AND client = ?", (file, client))]
        case RecordChainReference(file):
            return [("INSERT OR IGNORE INTO named VALUES (?)", (file,))]
        case RecordRemoval(file):
            return [("INSERT OR IGNORE INTO removed VALUES (?)", (file,))]
        case _:
            return []

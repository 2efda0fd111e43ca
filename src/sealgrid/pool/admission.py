"""The workers of one pool: those of its settings, those that its owner invited, or everybody."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sealgrid.attestation.statements import WorkerAdmission
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import CallRefused
from sealgrid.pool.worker_sessions import verify_signed_call
from sealgrid.units import Address, Digest
from sealgrid.wire.admission import JoinRequest, SignedAdmission, SignedInvitation
from sealgrid.wire.message import parse
from sealgrid.wire.pool import SignedCall

STATEMENT_SECONDS: Final = 3600  #: lifetime of the statement that a worker is admitted
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS workers (
    worker TEXT PRIMARY KEY, nonce TEXT NOT NULL UNIQUE, admitted REAL NOT NULL, removed REAL
) WITHOUT ROWID;
"""


def admission_file(folder: Path) -> Path:
    """Return the file of the invited workers of the pool with this folder."""
    return folder / "workers.sqlite"


class AdmittedWorkers:
    """The invited workers of a pool, in a SQLite file that its owner's commands may change while the pool runs."""

    def __init__(self, path: Path, listed: frozenset[Address] = frozenset()) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._listed = listed
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript("PRAGMA journal_mode = WAL;" + _TABLES)

    def __contains__(self, worker: object) -> bool:
        row = self._database.execute("SELECT removed FROM workers WHERE worker = ?", (worker,)).fetchone()
        return row[0] is None if row else worker in self._listed

    def all(self) -> list[tuple[Address, float, float | None]]:
        """Return each invited worker, when it was admitted, and when it was removed, in Unix seconds."""
        return list(self._database.execute("SELECT worker, admitted, removed FROM workers ORDER BY admitted"))

    def admit(self, worker: Address, nonce: Digest, now: float) -> bool:
        """Admit a worker by an invitation; return False if it was used before, or the worker was removed."""
        sql = "INSERT OR IGNORE INTO workers VALUES (?, ?, ?, NULL)"
        return self._database.execute(sql, (worker, nonce, now)).rowcount == 1

    def remove(self, worker: Address, now: float) -> None:
        """Remove a worker for good, also one of the settings, or one that is not admitted yet."""
        sql = "INSERT INTO workers VALUES (?1, ?1, ?2, ?2) ON CONFLICT (worker) DO UPDATE SET removed = ?2"
        self._database.execute(sql, (worker, now))

    def close(self) -> None:
        """Close the file."""
        self._database.close()


class WorkerAdmissions:
    """Admits workers to one pool; ``clock`` returns Unix seconds."""

    def __init__(
        self, workers: AdmittedWorkers, pool: Address, domain: Domain, key: SigningKey, clock: Callable[[], float]
    ) -> None:
        self._workers, self._pool, self._domain, self._key, self._clock = workers, pool, domain, key, clock

    def join(self, call: SignedCall) -> SignedAdmission:
        """Admit a worker by its invitation; return the pool's statement that it is admitted.

        The call passes checks (1) and (2) of a login (docs/protocol/pool.md). A worker that is not admitted yet needs
        an invitation: (join.1) It names this pool, and the pool's owner signed it. (join.2) It has not expired.
        (join.3) No other worker used it, and the worker was not removed.
        Raises CallRefused, and InputRefused for another payload.
        """
        now = self._clock()
        worker = verify_signed_call(call, self._pool, self._domain, at=now)
        request = parse(call.payload, JoinRequest)
        if worker not in self._workers:
            self._admit(worker, request.invitation, now)
        admission = WorkerAdmission(pool=self._pool, worker=worker, expiry=int(now) + STATEMENT_SECONDS)
        return SignedAdmission(admission=admission, signature=admission.sign(self._domain, self._key))

    def _admit(self, worker: Address, signed: SignedInvitation | None, now: float) -> None:
        if signed is None:
            raise CallRefused(
                "join.1", f"worker {worker} is not admitted to this pool; ask its owner for an invitation."
            )
        invitation = signed.invitation
        # (join.1)
        if invitation.pool != self._pool or not invitation.is_signed_by(
            self._key.address, self._domain, signed.signature
        ):
            raise CallRefused("join.1", f"the invitation is not one of pool {self._pool}.")
        # (join.2)
        if invitation.expiry <= now:
            raise CallRefused("join.2", "the invitation has expired; ask the pool's owner for another one.")
        # (join.3)
        if not self._workers.admit(worker, invitation.nonce, now):
            raise CallRefused("join.3", "the invitation was used already, or the pool's owner removed this worker.")

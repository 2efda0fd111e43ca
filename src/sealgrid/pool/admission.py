"""Workers that may join one pool: those in its settings, those with an invitation, or any worker."""

import time
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from sealgrid.attestation.statements import WorkerAdmission
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import CallRefused
from sealgrid.pool.bonds import WorkerBonds
from sealgrid.pool.database import create_tables, database_errors, open_engine
from sealgrid.pool.tables import WORKER
from sealgrid.pool.worker_sessions import verify_signed_call
from sealgrid.units import Address, Digest
from sealgrid.wire.admission import JoinRequest, SignedAdmission, SignedInvitation
from sealgrid.wire.message import parse
from sealgrid.wire.pool import SignedCall

STATEMENT_SECONDS: Final = 3600  #: lifetime of the statement that a worker is admitted
REMEMBERED_SECONDS: Final = 1.0  #: a process may still accept a worker that another process removed for this long


class AdmittedWorkers:
    """The invited workers of a pool, in its database, which its owner's commands may change while the pool runs.

    ``url`` is SQLAlchemy's; ``listed`` are the workers of the pool's settings.
    """

    def __init__(
        self, url: str, listed: frozenset[Address] = frozenset(), clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._listed, self._clock = listed, clock
        self._engine = open_engine(url)
        self._insert: Any = (postgresql if self._engine.dialect.name == "postgresql" else sqlite).insert
        self._admitted_at: dict[Address, float] = {}  # by the clock, when the database said so
        with database_errors(), self._engine.begin() as connection:
            create_tables(connection, [WORKER])

    def __contains__(self, worker: object) -> bool:
        now = self._clock()
        if now - self._admitted_at.get(worker, -REMEMBERED_SECONDS) < REMEMBERED_SECONDS:  # type: ignore[call-overload]
            return True
        with database_errors(), self._engine.connect() as connection:
            row = connection.execute(_REMOVED, {"worker": worker}).one_or_none()
        is_admitted = row.removed is None if row else worker in self._listed
        self._admitted_at = {each: at for each, at in self._admitted_at.items() if now - at < REMEMBERED_SECONDS}
        if is_admitted:
            self._admitted_at[worker] = now  # type: ignore[index]
        return is_admitted

    def is_removed(self, worker: Address) -> bool:
        """Return whether the owner removed a worker."""
        with database_errors(), self._engine.connect() as connection:
            row = connection.execute(_REMOVED, {"worker": worker}).one_or_none()
        return row is not None and row.removed is not None

    def joined_openly(self, worker: Address) -> bool:
        """Return whether a worker joined an open pool, without an invitation."""
        with database_errors(), self._engine.connect() as connection:
            row = connection.execute(_NONCE, {"worker": worker}).one_or_none()
        return row is not None and row.nonce == worker and worker not in self._listed

    def all(self) -> list[tuple[Address, float | None, float | None]]:
        """Return each worker, when it was admitted by an invitation, and when it was removed, in Unix seconds."""
        with database_errors(), self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(_ALL)]

    def admit(self, worker: Address, nonce: Digest, now: float) -> bool:
        """Admit a worker by an invitation; return False if it was used before, or the worker was removed."""
        insert = self._insert(WORKER).values(worker=worker, nonce=nonce, admitted=now).on_conflict_do_nothing()
        with database_errors(), self._engine.begin() as connection:
            return connection.execute(insert.returning(WORKER.c.worker)).first() is not None

    def remove(self, worker: Address, now: float) -> None:
        """Remove a worker permanently, also one in the settings, or one that is not admitted yet."""
        insert = self._insert(WORKER).values(worker=worker, nonce=worker, removed=now)
        with database_errors(), self._engine.begin() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["worker"], set_={"removed": now}))
        self._admitted_at.pop(worker, None)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()


class WorkerAdmissions:
    """Admits workers to one pool; an open pool requires no invitation. ``clock`` returns Unix seconds."""

    def __init__(
        self,
        workers: AdmittedWorkers,
        pool: Address,
        domain: Domain,
        key: SigningKey,
        clock: Callable[[], float],
        *,
        is_open: bool = False,
        bonds: WorkerBonds | None = None,
    ) -> None:
        self._is_open, self._bonds = is_open, bonds
        self._workers, self._pool, self._domain, self._key, self._clock = workers, pool, domain, key, clock

    async def join(self, call: SignedCall) -> SignedAdmission:
        """Admit a worker by its invitation; return the pool's statement that it is admitted.

        The call passes checks (1) and (2) of a login (docs/protocol/pool.md). A worker that is not admitted yet needs
        an invitation, unless the pool is open: (join.1) It names this pool, and the pool's owner signed it. (join.2)
        It has not expired. (join.3) No other worker used it, and the worker was not removed. (join.4) A worker that
        joins an open pool without one, or did, has the pool's bond in escrow.
        Raises CallRefused, and InputRefused for another payload; ServiceUnavailable while the chain does not answer.
        """
        now = self._clock()
        worker = verify_signed_call(call, self._pool, self._domain, at=now)
        request = parse(call.payload, JoinRequest)
        if worker not in self._workers:
            await self._admit(worker, request.invitation, now)
        elif self._bonds is not None:
            # (join.4)
            await self._bonds.require_of_member(worker)
        admission = WorkerAdmission(pool=self._pool, worker=worker, expiry=int(now) + STATEMENT_SECONDS)
        return SignedAdmission(admission=admission, signature=admission.sign(self._domain, self._key))

    async def _admit(self, worker: Address, signed: SignedInvitation | None, now: float) -> None:
        if signed is None and self._is_open:
            # (join.3) before (join.4): a worker that is refused anyway need not deposit a bond
            if self._workers.is_removed(worker):
                raise CallRefused("join.3", "the pool's owner removed this worker.")
            # (join.4)
            if self._bonds is not None:
                await self._bonds.require(worker)
            nonce = Digest(worker)  # as of a worker without an invitation
            if not self._workers.admit(worker, nonce, now) and worker not in self._workers:
                raise CallRefused("join.3", "the pool's owner removed this worker.")
            return
        if signed is None:
            raise CallRefused(
                "join.1", f"worker {worker} is not admitted to this pool; ask its owner for an invitation."
            )
        invitation = signed.invitation
        # (join.1)
        if invitation.pool != self._pool or not invitation.is_signed_by(
            self._key.address, self._domain, signed.signature
        ):
            raise CallRefused(
                "join.1",
                f"the invitation is not for pool {self._pool}, or its owner did not sign it; ask the owner for "
                "another one.",
            )
        # (join.2)
        if invitation.expiry <= now:
            raise CallRefused("join.2", "the invitation has expired; ask the pool's owner for another one.")
        # (join.3)
        if not self._workers.admit(worker, invitation.nonce, now):
            raise CallRefused("join.3", "the invitation was used already, or the pool's owner removed this worker.")


_NONCE: Final = sql.select(WORKER.c.nonce).where(WORKER.c.worker == sql.bindparam("worker"))
_REMOVED: Final = sql.select(WORKER.c.removed).where(WORKER.c.worker == sql.bindparam("worker"))
_ALL: Final = sql.select(WORKER.c.worker, WORKER.c.admitted, WORKER.c.removed).order_by(
    sql.func.coalesce(WORKER.c.admitted, WORKER.c.removed)
)

"""Authority of a network's SIMULATED machines: certifies their keys, revokes them, and issues collateral. NOT A TEE.

An enrolment is refused unless

1. a pool of the network admitted the worker, by its owner's signature, and the statement has not expired;
2. the worker signed the request for this key, within ten minutes of the authority's clock;
3. the key is a point of P-256;
4. the worker was not revoked;
5. the worker had fewer than MAX_CERTIFICATES certificates, each of which stays in the revocation list.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sealgrid.attestation.simulated import SimulatedTerms, collateral
from sealgrid.attestation.simulated_pki import PublicKey, SimulatedPlatformKeys, parse_public
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.signing import Domain
from sealgrid.errors import EvidenceRefused
from sealgrid.units import Address, to_digest
from sealgrid.wire.authority import EnrolmentReply, EnrolmentRequest

COLLATERAL_SECONDS: Final = 24 * 3600  #: a revoked machine can use its last collateral for this long
MAX_CERTIFICATES: Final = 8  #: of one worker, ever: an installation that is lost needs another one
REUSE_SECONDS: Final = 60.0  #: how long computed collateral is given out
_SKEW_SECONDS: Final = 600
_PPID_BYTES: Final = 16
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS machines (
    worker TEXT NOT NULL, key TEXT NOT NULL, certificate BLOB PRIMARY KEY, issued REAL NOT NULL, revoked REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS of_worker ON machines (worker, key);
CREATE TABLE IF NOT EXISTS revoked_workers (worker TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pools (workerpool TEXT PRIMARY KEY, signer TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class CertifiedMachine:
    """A machine that the authority certified."""

    worker: Address
    certificate: bytes  #: DER
    issued: float  #: Unix seconds
    revoked: float | None


class MachineRegistry:
    """Certified machines, in a SQLite file that the operator's commands may change while the authority runs."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript("PRAGMA journal_mode = WAL;" + _TABLES)

    def all(self) -> list[CertifiedMachine]:
        """Return all machines, oldest first."""
        rows = self._database.execute("SELECT worker, certificate, issued, revoked FROM machines ORDER BY issued")
        return [CertifiedMachine(*row) for row in rows]

    def certificate(self, worker: Address, key: str) -> bytes | None:
        """Return the valid certificate (DER) of a worker's machine key; None if there is none."""
        sql = "SELECT certificate FROM machines WHERE worker = ? AND key = ? AND revoked IS NULL"
        row = self._database.execute(sql, (worker, key)).fetchone()
        return row[0] if row else None

    def count(self, worker: Address) -> int:
        """Return the number of certificates of a worker, revoked ones included."""
        return int(self._database.execute("SELECT count(*) FROM machines WHERE worker = ?", (worker,)).fetchone()[0])

    def admit_pool(self, workerpool: Address, signer: Address) -> None:
        """Let the workers of another pool enrol machines; ``signer`` signs for it."""
        self._database.execute("INSERT OR REPLACE INTO pools VALUES (?, ?)", (workerpool, signer))

    def signer_of(self, workerpool: Address) -> Address | None:
        """Return the account that signs for an admitted pool."""
        row = self._database.execute("SELECT signer FROM pools WHERE workerpool = ?", (workerpool,)).fetchone()
        return row[0] if row else None

    def add(self, worker: Address, key: str, certificate: bytes, now: float) -> None:
        """Store a certificate, and revoke the worker's earlier ones: a worker has one machine."""
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute("UPDATE machines SET revoked = ? WHERE worker = ? AND revoked IS NULL", (now, worker))
        self._database.execute("INSERT INTO machines VALUES (?, ?, ?, ?, NULL)", (worker, key, certificate, now))
        self._database.execute("COMMIT")

    def revoke(self, worker: Address, now: float) -> bool:
        """Revoke a worker for good, also one without a machine yet; return whether it had one."""
        self._database.execute("INSERT OR IGNORE INTO revoked_workers VALUES (?)", (worker,))
        sql = "UPDATE machines SET revoked = ? WHERE worker = ? AND revoked IS NULL"
        return self._database.execute(sql, (now, worker)).rowcount > 0

    def is_revoked(self, worker: Address) -> bool:
        """Return whether a worker was revoked."""
        sql = "SELECT 1 FROM revoked_workers WHERE worker = ?"
        return self._database.execute(sql, (worker,)).fetchone() is not None

    def close(self) -> None:
        """Close the file."""
        self._database.close()


@dataclass(frozen=True, slots=True)
class AdmittingPool:
    """The pool whose workers may enrol machines, and the account that signs for it."""

    workerpool: Address
    signer: Address


class Authority:
    """Certifies machines with the keys of a simulated platform; ``clock`` returns Unix seconds."""

    def __init__(
        self,
        keys: SimulatedPlatformKeys,
        registry: MachineRegistry,
        pool: AdmittingPool,
        domain: Domain,
        clock: Callable[[], float],
    ) -> None:
        self._keys, self._registry, self._pool, self._domain, self._clock = keys, registry, pool, domain, clock
        self._collateral, self._collateral_at = b"", 0.0

    def enrol(self, request: EnrolmentRequest) -> EnrolmentReply:
        """Return the certificates of a machine; raise EvidenceRefused as the module says."""
        now, worker = self._clock(), request.enrolment.worker
        self._check_admission(request, now)  # (1)
        self._check_request(request, now)  # (2)
        public = _parse_key(request.public)  # (3)
        if self._registry.is_revoked(worker):  # (4)
            raise EvidenceRefused("enrol.4", f"the machine of worker {worker} was revoked; ask the network's operator.")
        key = sha256(request.public).hex()
        stored = self._registry.certificate(worker, key)
        if stored is None:
            if self._registry.count(worker) >= MAX_CERTIFICATES:  # (5)
                raise EvidenceRefused(
                    "enrol.5", f"worker {worker} had {MAX_CERTIFICATES} machine keys; join again as a new worker."
                )
            ppid = sha256(worker.encode() + request.public)[:_PPID_BYTES]
            certificate = self._keys.certify(public, now=int(now), ppid=ppid)
            self._registry.add(worker, key, certificate.public_bytes(serialization.Encoding.DER), now)
        else:
            certificate = x509.load_der_x509_certificate(stored)
        return EnrolmentReply(chain=self._keys.chain_of(certificate), root_ca_der=self._keys.root_der)

    def collateral(self) -> bytes:
        """Return collateral of the machines; the certificates of revoked ones are in its revocation list.

        A revocation is in it after REUSE_SECONDS at most.
        """
        now = int(self._clock())
        if self._collateral and 0 <= now - self._collateral_at < REUSE_SECONDS:
            return self._collateral
        revoked = tuple(
            x509.load_der_x509_certificate(each.certificate)
            for each in self._registry.all()
            if each.revoked is not None
        )
        terms = SimulatedTerms(issued=now - 3600, expires=now + COLLATERAL_SECONDS, revoked=revoked)
        self._collateral, self._collateral_at = collateral(self._keys, terms).raw, now
        return self._collateral

    def _check_admission(self, request: EnrolmentRequest, now: float) -> None:
        admission, pool = request.admission.admission, self._pool
        signer = pool.signer if admission.pool == pool.workerpool else self._registry.signer_of(admission.pool)
        if (
            signer is None
            or admission.worker != request.enrolment.worker
            or admission.expiry <= now
            or not admission.is_signed_by(signer, self._domain, request.admission.signature)
        ):
            raise EvidenceRefused(
                "enrol.1", f"no pool of this network admitted this worker, or too long ago (pool {admission.pool})."
            )

    def _check_request(self, request: EnrolmentRequest, now: float) -> None:
        enrolment = request.enrolment
        if (
            enrolment.key_sha256 != to_digest(sha256(request.public))
            or abs(enrolment.issued - now) > _SKEW_SECONDS
            or not enrolment.is_signed_by(enrolment.worker, self._domain, request.signature)
        ):
            raise EvidenceRefused("enrol.2", "the worker did not sign this request now; check this machine's clock.")


def _parse_key(public: bytes) -> PublicKey:
    try:
        return parse_public(public)
    except ValueError as error:
        raise EvidenceRefused("enrol.3", "the machine's key is not a point of P-256.") from error

"""Stores the state of tasks: nonces, attempts, releases, settled results."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Row, delete, insert, select

from sealgrid.attestation.facts import parse_facts
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.statements import Settle, Verdict
from sealgrid.crypto.shares import KeyRecord, Share
from sealgrid.units import Address, TaskId, to_bytes
from sealgrid.vault.checks.nonce import EnclaveAttempt
from sealgrid.vault.checks.release import IssuedNonce
from sealgrid.vault.checks.settle import ReleaseRecord, ResultShare, SettleRecord
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.keys import ShareEncryption
from sealgrid.vault.stores.database import VaultDatabase
from sealgrid.vault.stores.prepared_statements import PreparedStatement, insert_or_ignore, param, row_params, upsert
from sealgrid.vault.stores.schema import attempts, nonces, releases, settles
from sealgrid.vault.stores.use_ledger import UseLedger, use_of

_VALUE_BYTES = 32

_ATTEMPTS = PreparedStatement(select(attempts).where(attempts.c.task == param("task")).order_by(attempts.c.attempt))
_ADD_ATTEMPT = PreparedStatement(insert_or_ignore(attempts))
_EXPIRE = PreparedStatement(delete(nonces).where(nonces.c.expires <= param("at")))
_ADD_NONCE = PreparedStatement(insert(nonces).values(row_params(nonces)))
_CONSUME = PreparedStatement(delete(nonces).where(nonces.c.nonce == param("nonce")).returning(nonces))
_SETTLED = PreparedStatement(select(settles.c.settled).where(settles.c.task == param("task")).limit(1))
_RELEASE = PreparedStatement(
    select(releases).where(releases.c.task == param("task"), releases.c.enclave == param("enclave"))
)
_SETTLE = PreparedStatement(
    select(settles).where(settles.c.task == param("task"), settles.c.enclave == param("enclave"))
)
_SET_RELEASE = PreparedStatement(upsert(releases))


class TaskStore:
    """Tasks in the database, with result shares encrypted at rest."""

    def __init__(self, database: VaultDatabase, at_rest: ShareEncryption, federation: VaultFederation) -> None:
        self._database, self._at_rest, self._own_address = database, at_rest, federation.own_address
        self.use_ledger = UseLedger(database)

    def attempts(self, task: TaskId) -> Sequence[EnclaveAttempt]:
        """Return the enclaves that requested a nonce for a task, oldest first."""
        with self._database.reading() as connection:
            return [_read_attempt(row) for row in _ATTEMPTS.run(connection, task=task)]

    def add_nonce(self, nonce: bytes, attempt: EnclaveAttempt, expires: int, at: int) -> None:
        """Store a nonce and its attempt; delete expired nonces."""
        row = {"task": attempt.task, "attempt": attempt.number, "worker": attempt.worker, "enclave": attempt.enclave}
        with self._database.transaction() as connection:
            _ADD_ATTEMPT.run(connection, **row)
            _EXPIRE.run(connection, at=at)
            _ADD_NONCE.run(connection, nonce=nonce, expires=expires, **row)

    def consume_nonce(self, nonce: bytes) -> IssuedNonce | None:
        """Delete and return a nonce in one statement, so one of two concurrent requests gets it."""
        with self._database.transaction() as connection:
            row = _CONSUME.run(connection, nonce=nonce).one_or_none()
        return None if row is None else IssuedNonce(_read_attempt(row), row.expires)

    def store_release(self, released: ReleaseRecord) -> None:
        """Store a release and count its use; a repeated release to the same enclave replaces it."""
        facts = released.facts
        dataset = None if facts.refusal else facts.dataset  # a settled refusal uses no dataset
        row = {
            "task": released.task,
            "enclave": released.enclave,
            "worker": released.worker,
            "facts": facts.encode(),
            "runtime": released.runtime,
            "platform": int(released.platform),
            "session": released.session,
            "requester": facts.requester,
            "dataset": dataset.address if dataset else "",
            "owner": dataset.owner if dataset else "",
            "deadline": facts.expiry,
            "released": released.at,
        }
        use = use_of(facts, released.at)
        with self._database.transaction() as connection:
            _SET_RELEASE.run(connection, **row)
            if use is not None:
                self.use_ledger.add(use)

    def find_release(self, task: TaskId, enclave: Address) -> ReleaseRecord | None:
        """Return the release to an enclave, or None."""
        with self._database.reading() as connection:
            row = _RELEASE.run(connection, task=task, enclave=enclave).one_or_none()
        if row is None:
            return None
        return ReleaseRecord(
            task=row.task,
            enclave=row.enclave,
            worker=row.worker,
            facts=parse_facts(row.facts),
            runtime=row.runtime,
            platform=Platform(row.platform),
            session=row.session,
            at=row.released,
        )

    def store_settle(self, settled: SettleRecord) -> None:
        """Store a result's Settle, the vault's share and Verdict atomically; the row is never changed."""
        settle, result_share = settled.settle, settled.result_share
        row: dict[str, object] = {
            "task": settle.task,
            "enclave": settle.enclave,
            "settle": msgspec.json.encode(settle),
            "signature": settled.signature,
            "verdict": msgspec.json.encode(settled.verdict),
            "settled": settled.at,
        }
        if result_share is not None:
            secret = result_share.share.value + result_share.share.blind
            row |= {
                "record": msgspec.json.encode(result_share.record),
                "record_signature": result_share.signature,
                "share": self._at_rest.encrypt(secret, _row_id(settle.task, settle.enclave)),
            }
        with self._database.transaction() as connection:
            connection.execute(insert(settles).values(row))
            self.use_ledger.settle(settle.task, settled.at)

    def find_settle(self, task: TaskId, enclave: Address) -> SettleRecord | None:
        """Return the result that an enclave settled, or None."""
        with self._database.reading() as connection:
            row = _SETTLE.run(connection, task=task, enclave=enclave).one_or_none()
        if row is None:
            return None
        result_share = None
        if row.record is not None:
            secret = self._at_rest.decrypt(row.share, _row_id(row.task, row.enclave))
            record = msgspec.json.decode(row.record, type=KeyRecord)
            index = record.vaults.index(self._own_address) + 1
            share = Share(index=index, value=secret[:_VALUE_BYTES], blind=secret[_VALUE_BYTES:])
            result_share = ResultShare(record, row.record_signature, share)
        return SettleRecord(
            settle=msgspec.json.decode(row.settle, type=Settle),
            signature=row.signature,
            result_share=result_share,
            verdict=msgspec.json.decode(row.verdict, type=Verdict),
            at=row.settled,
        )

    def is_settled(self, task: TaskId) -> bool:
        """Return whether any enclave of a task got this vault's Verdict."""
        with self._database.reading() as connection:
            return _SETTLED.run(connection, task=task).one_or_none() is not None


def _read_attempt(row: Row[tuple[object, ...]]) -> EnclaveAttempt:
    return EnclaveAttempt(row.task, row.attempt, row.worker, row.enclave)


def _row_id(task: TaskId, enclave: Address) -> bytes:
    return b"sealgrid/vault/settle/1" + to_bytes(task, 32) + to_bytes(enclave, 20)

"""What a vault remembers of tasks: nonces, attempts, releases, settles."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Row, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

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
from sealgrid.vault.stores.database import VaultDatabase, attempts, nonces, releases, settles
from sealgrid.vault.stores.prepared_statements import PreparedStatement, given, replaced_in
from sealgrid.vault.stores.use_ledger import UseLedger, use_of

_VALUE_BYTES = 32

_ATTEMPTS = PreparedStatement(select(attempts).where(attempts.c.task == given("task")).order_by(attempts.c.attempt))
_ATTEMPT = PreparedStatement(
    upsert(attempts).values({column.name: given(column.name) for column in attempts.columns}).on_conflict_do_nothing()
)
_EXPIRE = PreparedStatement(delete(nonces).where(nonces.c.expires <= given("at")))
_GIVE = PreparedStatement(insert(nonces).values({column.name: given(column.name) for column in nonces.columns}))
_CONSUME = PreparedStatement(delete(nonces).where(nonces.c.nonce == given("nonce")).returning(nonces))
_SETTLED = PreparedStatement(select(settles.c.settled).where(settles.c.task == given("task")).limit(1))
_RELEASE = PreparedStatement(
    select(releases).where(releases.c.task == given("task"), releases.c.enclave == given("enclave"))
)
_SETTLE = PreparedStatement(
    select(settles).where(settles.c.task == given("task"), settles.c.enclave == given("enclave"))
)
_REMEMBER = PreparedStatement(replaced_in(releases))


class TaskStore:
    """Tasks in the database."""

    def __init__(self, store: VaultDatabase, at_rest: ShareEncryption, federation: VaultFederation) -> None:
        self._store, self._at_rest, self._us = store, at_rest, federation.us
        self.use_ledger = UseLedger(store)

    def attempts(self, task: TaskId) -> Sequence[EnclaveAttempt]:
        """Return the enclaves that asked for a task, oldest first."""
        with self._store.reading() as connection:
            return [_attempt(row) for row in _ATTEMPTS.on(connection, task=task)]

    def give_nonce(self, nonce: bytes, attempt: EnclaveAttempt, expires: int, at: int) -> None:
        """Remember a nonce and for whom it is; forget the expired ones."""
        who = {"task": attempt.task, "attempt": attempt.number, "worker": attempt.worker, "enclave": attempt.enclave}
        with self._store.transaction() as connection:
            _ATTEMPT.on(connection, **who)
            _EXPIRE.on(connection, at=at)
            _GIVE.on(connection, nonce=nonce, expires=expires, **who)

    def consume_nonce(self, nonce: bytes) -> IssuedNonce | None:
        """Take a nonce out, in one statement: of two that present it at once, one gets it."""
        with self._store.transaction() as connection:
            row = _CONSUME.on(connection, nonce=nonce).one_or_none()
        return None if row is None else IssuedNonce(_attempt(row), row.expires)

    def remember_release(self, released: ReleaseRecord) -> None:
        """Store a release; a later one to the same enclave, after a lost answer, replaces it."""
        facts = released.facts
        dataset = None if facts.refusal else facts.dataset  # who is refused uses nothing
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
        with self._store.transaction() as connection:
            _REMEMBER.on(connection, **row)
            if use is not None:
                self.use_ledger.add(use)

    def release(self, task: TaskId, enclave: Address) -> ReleaseRecord | None:
        """Return what was released to an enclave."""
        with self._store.reading() as connection:
            row = _RELEASE.on(connection, task=task, enclave=enclave).one_or_none()
        return None if row is None else _released(row)

    def remember_settle(self, settled: SettleRecord) -> None:
        """Store a result's Settle, our share and our Verdict as one whole; it is never changed."""
        settle, escrowed = settled.settle, settled.escrowed
        row = {
            "task": settle.task,
            "enclave": settle.enclave,
            "settle": msgspec.json.encode(settle),
            "signature": settled.signature,
            "verdict": msgspec.json.encode(settled.verdict),
            "settled": settled.at,
            **(self._shut(escrowed, settle) if escrowed is not None else {}),
        }
        with self._store.transaction() as connection:
            connection.execute(insert(settles).values(row))
            self.use_ledger.settle(settle.task, settled.at)

    def settle(self, task: TaskId, enclave: Address) -> SettleRecord | None:
        """Return what an enclave settled."""
        with self._store.reading() as connection:
            row = _SETTLE.on(connection, task=task, enclave=enclave).one_or_none()
        return None if row is None else self._settled(row)

    def is_settled(self, task: TaskId) -> bool:
        """Return whether any enclave of a task has our Verdict."""
        with self._store.reading() as connection:
            return _SETTLED.on(connection, task=task).one_or_none() is not None

    def _shut(self, escrowed: ResultShare, settle: Settle) -> dict[str, bytes]:
        share = escrowed.share
        return {
            "record": msgspec.json.encode(escrowed.record),
            "record_signature": escrowed.signature,
            "share": self._at_rest.shut(share.value + share.blind, _row(settle.task, settle.enclave)),
        }

    def _settled(self, row: Row[tuple[object, ...]]) -> SettleRecord:
        return SettleRecord(
            settle=msgspec.json.decode(row.settle, type=Settle),
            signature=row.signature,
            escrowed=None if row.record is None else self._escrowed(row),
            verdict=msgspec.json.decode(row.verdict, type=Verdict),
            at=row.settled,
        )

    def _escrowed(self, row: Row[tuple[object, ...]]) -> ResultShare:
        secret = self._at_rest.open(row.share, _row(row.task, row.enclave))
        record = msgspec.json.decode(row.record, type=KeyRecord)
        place = record.vaults.index(self._us) + 1
        share = Share(index=place, value=secret[:_VALUE_BYTES], blind=secret[_VALUE_BYTES:])
        return ResultShare(record, row.record_signature, share)


def _attempt(row: Row[tuple[object, ...]]) -> EnclaveAttempt:
    return EnclaveAttempt(row.task, row.attempt, row.worker, row.enclave)


def _released(row: Row[tuple[object, ...]]) -> ReleaseRecord:
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


def _row(task: TaskId, enclave: Address) -> bytes:
    return b"sealgrid/vault/settle/1" + to_bytes(task, 32) + to_bytes(enclave, 20)

"""Checks before a vault signs its Verdict about an enclave's result (settle.1-7).

(1) This enclave got this vault's release for this task.
(2) The Settle is signed by the enclave's key and names the worker of the facts.
(3) It is the enclave's first, or equal to the stored one: one per enclave, immutable.
(4) Under escrow, K2 was split for this federation under a record that the enclave owns and signed, about this sealed
    file, and this vault's share fits it. Only a ``direct`` release needs no share.
(5) The sealed result and the receipt are in the storage: the vault fetched both by their digests.
(6) The receipt is signed by the enclave and agrees with the facts, and the result's digest recomputes from it.
(7) The task is ACTIVE at a confirmed block and its contribution deadline has not passed.
"""

from dataclasses import dataclass, field

from sealgrid.attestation.facts import Facts
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.statements import Settle, Verdict
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import KeyRecord, Share
from sealgrid.crypto.signing import Domain
from sealgrid.errors import CheckFailed, InputRefused, ReceiptRefused, ReleaseRefused
from sealgrid.receipts import consistency
from sealgrid.receipts.receipt import ReceiptBody
from sealgrid.units import Address, Digest, TaskId, to_digest
from sealgrid.vault.chain.snapshot import ChainSnapshot
from sealgrid.vault.checks.deposit import check_record, open_committed_share
from sealgrid.vault.checks.release import VerifiedEnclave
from sealgrid.vault.federation import VaultFederation
from sealgrid.wire.vault import SettleRequest


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """A release as stored: a Verdict takes every field from here and none from the enclave's claims."""

    task: TaskId
    enclave: Address
    worker: Address
    facts: Facts
    runtime: Digest
    platform: Platform
    session: Digest  #: digest of the report data
    at: int


@dataclass(frozen=True, slots=True)
class ResultShare:
    """The vault's share of K2 under the enclave's signed record."""

    record: KeyRecord
    signature: bytes
    share: Share = field(repr=False)


@dataclass(frozen=True, slots=True)
class SettleRecord:
    """A settled result with this vault's Verdict."""

    settle: Settle
    signature: bytes  #: by the enclave
    result_share: ResultShare | None  #: None for a direct release
    verdict: Verdict
    at: int


def check_settle(
    request: SettleRequest,
    released: ReleaseRecord | None,
    settled: SettleRecord | None,
    *,
    federation: VaultFederation,
    deposit_key: HpkeKey,
) -> tuple[ReleaseRecord, ResultShare | None]:
    """Run checks (1) to (4); return the release and the share of K2 to store, None for a direct release."""
    settle, domain = request.settle, federation.domain
    if released is None or (released.task, released.enclave) != (settle.task, settle.enclave):  # (1)
        raise ReleaseRefused("settle.1", "this enclave got no release from this vault for this task.")
    by_enclave = settle.is_signed_by(settle.enclave, domain, request.signature)
    if not by_enclave or settle.worker != released.worker:  # (2)
        raise ReleaseRefused("settle.2", "the Settle is not signed by the enclave's key, or names another worker.")
    if settled is not None and settled.settle != settle:  # (3)
        raise ReleaseRefused("settle.3", "this enclave has already settled another result.")
    result_share = _check_escrow(request, released, federation, deposit_key)  # (4)
    if settled is not None and settled.result_share != result_share:  # (3)
        raise ReleaseRefused("settle.3", "this enclave has already put another key into escrow.")
    return released, result_share


def release_record(attested: VerifiedEnclave, facts: Facts, at: int) -> ReleaseRecord:
    """Return the record that a vault stores of a release."""
    attempt, claims = attested.attempt, attested.claims
    return ReleaseRecord(
        task=attempt.task,
        enclave=attempt.enclave,
        worker=attempt.worker,
        facts=facts,
        runtime=attested.runtime,
        platform=claims.platform,
        session=attested.session,
        at=at,
    )


def check_receipt(receipt: bytes, settle: Settle, released: ReleaseRecord, domain: Domain) -> ReceiptBody:
    """Run check (6) and return the body; (5) has verified the digest of the file ``receipt``."""
    try:
        return consistency.check_receipt(
            receipt,
            settle,
            released.facts,
            domain=domain,
            platform=released.platform,
            runtime=released.runtime,
            session=released.session,
        )
    except (ReceiptRefused, InputRefused) as error:
        raise ReleaseRefused("settle.6", error.message) from error


def check_time(released: ReleaseRecord, snapshot: ChainSnapshot, *, at: int) -> None:
    """Run check (7)."""
    if snapshot.task.status is not TaskStatus.ACTIVE:
        raise ReleaseRefused("settle.7", "the task is no longer active on the chain.")
    if snapshot.seconds_left(at) <= 0 or released.facts.expiry != snapshot.task.contribution_deadline:
        raise ReleaseRefused("settle.7", "the task's contribution deadline has passed, so it would not be paid.")


def make_verdict(settle: Settle, released: ReleaseRecord, vault_set: Digest, issued: int) -> Verdict:
    """Return the Verdict about a settled result; those of all vaults differ in ``issued`` only."""
    return Verdict(
        task=settle.task,
        worker=settle.worker,
        enclave=settle.enclave,
        app=released.facts.app.digest,
        runtime=released.runtime,
        platform=released.platform,
        vault_set=vault_set,
        session=released.session,
        settle=to_digest(settle.struct_hash()),
        issued=issued,
        expiry=released.facts.expiry,
    )


def _check_escrow(
    request: SettleRequest, released: ReleaseRecord, federation: VaultFederation, deposit_key: HpkeKey
) -> ResultShare | None:
    record, enclave = request.record, request.settle.enclave
    if record is None:
        if released.facts.release != "direct":
            raise ReleaseRefused("settle.4", "the result's key must be split among the vaults; its record is missing.")
        return None
    if (record.asset, record.owner, record.file_sha256) != (enclave, enclave, request.settle.sealed_sha256):
        raise ReleaseRefused("settle.4", "the record of K2 is not owned by the enclave, or is for another file.")
    try:
        digest = check_record(record, request.record_signature, request.index, federation, "settle.4")
        share = open_committed_share(
            request.sealed, request.index, record, digest, deposit_key, numbers=("settle.4", "settle.4")
        )
    except CheckFailed as error:
        raise ReleaseRefused("settle.4", error.message) from None
    return ResultShare(record, request.record_signature, share)

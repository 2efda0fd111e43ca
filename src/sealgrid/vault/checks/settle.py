"""When a vault signs its Verdict: the enclave's result is bound, stored and fetched before anyone can be paid for it.

(1) This enclave got our release for this task.
(2) The Settle is signed by the enclave's key, for the worker that the facts name.
(3) It is the enclave's first, or the very one that we hold: one per enclave, immutable.
(4) Under escrow, K2 was split for our federation under a record that the enclave owns and signed, about this sealed
    file, and our share fits it. Only a release that its owner wanted ``direct`` goes without.
(5) The sealed result and the receipt lie in the storage: we fetched both ourselves by their digests.
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
    """What we remember of a release: all that a Verdict says comes from here, none of it from the enclave's word."""

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
    """Our share of K2 under the enclave's signed record."""

    record: KeyRecord
    signature: bytes
    share: Share = field(repr=False)


@dataclass(frozen=True, slots=True)
class SettleRecord:
    """A result that we gave our Verdict about."""

    settle: Settle
    signature: bytes  #: by the enclave
    escrowed: ResultShare | None
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
    """Checks (1) to (4); return the release, and the share of K2 to be stored, None when the release is direct."""
    settle, domain = request.settle, federation.domain
    if released is None or (released.task, released.enclave) != (settle.task, settle.enclave):  # (1)
        raise ReleaseRefused("settle.1", "this enclave got no release from us for this task.")
    by_enclave = settle.is_signed_by(settle.enclave, domain, request.signature)
    if not by_enclave or settle.worker != released.worker:  # (2)
        raise ReleaseRefused("settle.2", "the Settle is not signed by the enclave's key, or names another worker.")
    if settled is not None and settled.settle != settle:  # (3)
        raise ReleaseRefused("settle.3", "this enclave settled another result already.")
    escrowed = _escrowed(request, released, federation, deposit_key)  # (4)
    if settled is not None and settled.escrowed != escrowed:  # (3)
        raise ReleaseRefused("settle.3", "this enclave put another key into escrow already.")
    return released, escrowed


def remembered(attested: VerifiedEnclave, facts: Facts, at: int) -> ReleaseRecord:
    """Return what is to be remembered of a release."""
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
    """Check (6) and return the body; ``receipt`` is the stored file, whose digest (5) has been compared."""
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
    """Check (7)."""
    if snapshot.task.status is not TaskStatus.ACTIVE:
        raise ReleaseRefused("settle.7", "the task is not active on the chain any more.")
    if snapshot.seconds_left(at) <= 0 or released.facts.expiry != snapshot.task.contribution_deadline:
        raise ReleaseRefused("settle.7", "the task's contribution deadline has passed; nobody would be paid.")


def verdict_for(settle: Settle, released: ReleaseRecord, vault_set: Digest, issued: int) -> Verdict:
    """Return what this vault signs about a settled result; all vaults say the same but for ``issued``."""
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


def _escrowed(
    request: SettleRequest, released: ReleaseRecord, federation: VaultFederation, deposit_key: HpkeKey
) -> ResultShare | None:
    record, enclave = request.record, request.settle.enclave
    if record is None:
        if released.facts.release != "direct":
            raise ReleaseRefused("settle.4", "the result's key must be split among the vaults; its record is missing.")
        return None
    if (record.asset, record.owner, record.file_sha256) != (enclave, enclave, request.settle.sealed_sha256):
        raise ReleaseRefused("settle.4", "the record of K2 is not the enclave's own, or not for this sealed file.")
    try:
        digest = check_record(record, request.record_signature, request.index, federation, "settle.4")
        share = open_committed_share(
            request.sealed, request.index, record, digest, deposit_key, numbers=("settle.4", "settle.4")
        )
    except CheckFailed as error:
        raise ReleaseRefused("settle.4", error.message) from None
    return ResultShare(record, request.record_signature, share)

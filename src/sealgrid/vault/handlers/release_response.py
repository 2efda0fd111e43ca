"""The facts that a vault states, and the sealed answer that only the attested enclave reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from sealgrid.attestation.facts import (
    AppFact,
    BulkFact,
    DatasetFact,
    Facts,
    RequesterSignature,
    SecretFact,
    secrets_digest,
)
from sealgrid.attestation.statements import Release
from sealgrid.crypto import hpke
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import CheckFailed, ReleaseRefused
from sealgrid.units import Digest
from sealgrid.vault.chain.snapshot import ChainSnapshot
from sealgrid.vault.checks.deposit import StoredShare
from sealgrid.vault.checks.entitlement import Entitlement
from sealgrid.vault.checks.release import VerifiedEnclave
from sealgrid.vault.federation import VaultFederation
from sealgrid.wire.log import LogInclusion
from sealgrid.wire.message import encode
from sealgrid.wire.shares import SharePart
from sealgrid.wire.vault import BulkShare, ReleaseAnswer, SecretShare, VaultIdentity


def facts_of(
    attested: VerifiedEnclave,
    snapshot: ChainSnapshot,
    granted: Entitlement,
    federation: VaultFederation,
    *,
    signature: RequesterSignature,
    bulk: BulkFact | UnsetType = UNSET,
) -> Facts:
    """Return what every honest vault reads alike on the chain about this task and enclave."""
    deal, attempt, dataset = snapshot.deal, attested.attempt, snapshot.dataset
    return Facts(
        chain=federation.chain,
        hub=federation.hub,
        broker=federation.broker,
        deal=deal.deal,
        task=attempt.task,
        index=snapshot.task.index,
        bot_first=deal.bot_first,
        bot_size=deal.bot_size,
        worker=attempt.worker,
        enclave=attempt.enclave,
        attempt=attempt.number,
        app=AppFact(address=deal.app.pointer, digest=snapshot.app_checksum),
        dataset=None
        if dataset is None
        else DatasetFact(address=dataset.address, owner=dataset.owner, checksum=dataset.checksum),
        bulk=bulk,
        secrets=tuple(_secret(share) for share in granted.shares),
        pool=deal.workerpool.pointer,
        requester=deal.requester,
        requester_signature=signature,
        beneficiary=deal.beneficiary,
        callback=deal.callback,
        result_key=granted.result_key,
        params=deal.params,
        inputs=tuple(granted.params.inputs),
        quorum=max(federation.threshold, granted.quorum),
        release=granted.release,
        output_bytes=granted.output_bytes,
        expiry=snapshot.task.contribution_deadline,
        refusal=granted.refusal or UNSET,
    )


@dataclass(frozen=True, slots=True)
class VaultSigner:
    """A vault's signing key with its signed deposit key: what every answer carries."""

    key: SigningKey
    domain: Domain
    identity: VaultIdentity


def release_of(facts: Facts, session: Digest, at: int) -> Release:
    """Return what a vault signs about a release; the same facts, session and time give the same statement."""
    return Release(session=session, facts=facts.digest(), secrets=secrets_digest(facts), issued=at)


def sealed_answer(
    attested: VerifiedEnclave,
    facts: Facts,
    shares: Sequence[StoredShare],
    logged: LogInclusion,
    hpke_public: bytes,
    *,
    speaker: VaultSigner,
    at: int,
    bulk: Sequence[BulkShare] = (),
) -> bytes:
    """Return facts and shares, signed and logged, sealed to the attested key under the report data."""
    release = release_of(facts, attested.session, at)
    answer = ReleaseAnswer(
        facts=facts.encode(),
        release=release,
        signature=release.sign(speaker.domain, speaker.key),
        deposit_key=speaker.identity.deposit_key,
        deposit_key_signature=speaker.identity.signature,
        shares=tuple(share_of(held) for held in shares),
        log=logged,
        bulk=tuple(bulk),
    )
    try:
        return hpke.seal(hpke_public, encode(answer), attested.report_data)
    except CheckFailed:
        raise ReleaseRefused("4", "the attested HPKE key cannot be sealed to.") from None


def bulk_share(place: int, held: StoredShare, logged: LogInclusion) -> BulkShare:
    """Return a share of one dataset of a bulk, whose key came by iExec's route, with the proof that it was logged."""
    if held.value_hash is None:
        raise ValueError("a key that came by iExec's route has its value's hash")
    return BulkShare(place=place, value=held.value_hash, share=share_of(held), log=logged)


def _secret(held: StoredShare) -> SecretFact:
    return SecretFact(
        kind=held.kind, record=held.record_digest, file_sha256=held.record.file_sha256, value=held.value_hash
    )


def share_of(held: StoredShare) -> SecretShare:
    """Return a share as an answer carries it."""
    part = SharePart.of(held.share)
    return SecretShare(record=held.record, signature=held.signature, index=held.share.index, part=part)

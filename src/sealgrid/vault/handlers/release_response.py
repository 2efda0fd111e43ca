"""Builds the response to a release: the facts, and the answer sealed to the attested enclave."""

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


def make_facts(
    attested: VerifiedEnclave,
    snapshot: ChainSnapshot,
    entitlement: Entitlement,
    federation: VaultFederation,
    *,
    signature: RequesterSignature,
    bulk: BulkFact | UnsetType = UNSET,
) -> Facts:
    """Return the facts about a task and enclave; all honest vaults make the same ones."""
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
        secrets=tuple(
            SecretFact(
                kind=share.kind,
                record=share.record_digest,
                file_sha256=share.record.file_sha256,
                value=share.value_hash,
            )
            for share in entitlement.shares
        ),
        pool=deal.workerpool.pointer,
        requester=deal.requester,
        requester_signature=signature,
        beneficiary=deal.beneficiary,
        callback=deal.callback,
        result_key=entitlement.result_key,
        params=deal.params,
        inputs=entitlement.inputs,
        input_path=UNSET if entitlement.input_path is None else entitlement.input_path,
        quorum=max(federation.threshold, entitlement.quorum),
        release=entitlement.release,
        output_bytes=entitlement.output_bytes,
        expiry=snapshot.task.contribution_deadline,
        refusal=entitlement.refusal or UNSET,
    )


@dataclass(frozen=True, slots=True)
class VaultSigner:
    """A vault's signing key and its signed identity, as every answer needs them."""

    key: SigningKey
    domain: Domain
    identity: VaultIdentity


def make_release(facts: Facts, session: Digest, at: int) -> Release:
    """Return the statement that a vault signs about a release."""
    return Release(session=session, facts=facts.digest(), secrets=secrets_digest(facts), issued=at)


def seal_response(
    attested: VerifiedEnclave,
    facts: Facts,
    shares: Sequence[StoredShare],
    inclusion: LogInclusion,
    hpke_public: bytes,
    *,
    signer: VaultSigner,
    at: int,
    bulk: Sequence[BulkShare] = (),
) -> bytes:
    """Sign facts and shares and seal them to the attested HPKE key, with the report data as context."""
    release = make_release(facts, attested.session, at)
    answer = ReleaseAnswer(
        facts=facts.encode(),
        release=release,
        signature=release.sign(signer.domain, signer.key),
        deposit_key=signer.identity.deposit_key,
        deposit_key_signature=signer.identity.signature,
        shares=tuple(secret_share(share) for share in shares),
        log=inclusion,
        bulk=tuple(bulk),
    )
    try:
        return hpke.seal(hpke_public, encode(answer), attested.report_data)
    except CheckFailed:
        raise ReleaseRefused("4", "the attested HPKE key cannot be sealed to.") from None


def bulk_share(index: int, share: StoredShare, inclusion: LogInclusion) -> BulkShare:
    """Return the share of one dataset of a bulk with its log entry; its key was pushed through iExec's API."""
    if share.value_hash is None:
        raise ValueError("a key pushed through iExec's API has a value hash")
    return BulkShare(place=index, value=share.value_hash, share=secret_share(share), log=inclusion)


def secret_share(stored: StoredShare) -> SecretShare:
    """Return a share in the form of a release answer."""
    part = SharePart.of(stored.share)
    return SecretShare(record=stored.record, signature=stored.signature, index=stored.share.index, part=part)

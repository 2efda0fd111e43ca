"""Bind the result at the vaults before anyone can be paid for it, and collect the verdicts that the chain counts."""

import asyncio
from dataclasses import dataclass

from sealgrid.attestation.policy import Platform
from sealgrid.attestation.statements import Settle, Verdict
from sealgrid.crypto.digests import canonical, sha256
from sealgrid.crypto.signing import personal_digest
from sealgrid.enclave.job.app_job import JobOutcome
from sealgrid.enclave.job.seal import SealedResult
from sealgrid.enclave.protocol.attest import (
    AttestedSession,
    EnclaveKeys,
    ReleaseQuorum,
    TrustedVaults,
    at_least,
)
from sealgrid.enclave.protocol.file_fetcher import store
from sealgrid.errors import EvidenceRefused
from sealgrid.poco.ids import enclave_message
from sealgrid.receipts.receipt import (
    LogProof,
    SignedReceiptBody,
    SignedRelease,
    SignedVerdict,
    body_of,
    envelope_of,
    sign_body,
)
from sealgrid.units import Address, to_digest
from sealgrid.wire import relay as wire
from sealgrid.wire.log import LogInclusion
from sealgrid.wire.quorum import PATIENT_SECONDS, call_all
from sealgrid.wire.shares import seal_share
from sealgrid.wire.storage import location
from sealgrid.wire.vault import SettleReply, SettleRequest


@dataclass(frozen=True)
class SettlementTerms:
    """One result that is to be bound: who made it, under which evidence and facts, and what it is."""

    me: EnclaveKeys
    vaults: TrustedVaults
    proof: AttestedSession
    agreed: ReleaseQuorum
    outcome: JobOutcome
    sealed: SealedResult
    started: int  #: Unix seconds, host's clock
    finished: int

    def receipt(self) -> SignedReceiptBody:
        """Return the receipt's file: what this enclave says about its job, signed."""
        body = body_of(
            self.agreed.facts,
            self.agreed.request.document,
            t=self.vaults.threshold,
            vaults=self.vaults.addresses,
            nonces=self.proof.nonces,
            hpke_public=self.me.hpke.public,
            platform=Platform(self.proof.quote.platform),
            runtime=self.proof.quote.runtime,
            quote=self.proof.quote.quote,
            collateral=self.proof.quote.collateral,
            exit_class=self.outcome.exit_class,
            result_sha256=self.sealed.sha256,
            started=self.started,
            finished=self.finished,
            callback=self.outcome.callback,
            deferred=self.outcome.deferred,
            bulk=self.outcome.bulk,
            opened=self.outcome.opened,
        )
        return sign_body(body, self.vaults.domain, self.me.signing)

    def statement(self, receipt: SignedReceiptBody) -> Settle:
        """Return the Settle over sealed result and receipt."""
        facts = self.agreed.facts
        return Settle(
            task=facts.task,
            worker=facts.worker,
            enclave=facts.enclave,
            result_digest=receipt.body.result_digest,
            sealed_sha256=self.sealed.sha256,
            receipt_sha256=receipt.sha256(),
        )

    def request(self, vault: Address, statement: Settle) -> SettleRequest:
        """Return what one vault gets: the Settle, and its own share of K2."""
        signature, record = statement.sign(self.vaults.domain, self.me.signing), self.sealed.record
        if record is None:
            return SettleRequest(settle=statement, signature=signature)
        share = self.sealed.shares[self.vaults.addresses.index(vault)]
        return SettleRequest(
            settle=statement,
            signature=signature,
            record=record,
            record_signature=record.sign(self.vaults.domain, self.me.signing),
            index=share.index,
            sealed=seal_share(share, self.agreed.deposit_keys[vault], record.digest(self.vaults.domain)),
        )

    def expects(self, vault: Address, reply: SettleReply, statement: Settle) -> bool:
        """Return whether a reply is this vault's verdict on exactly this result; each vault signs its own time."""
        facts, issued = self.agreed.facts, reply.verdict.issued
        ours = Verdict(
            task=facts.task,
            worker=facts.worker,
            enclave=facts.enclave,
            app=facts.app.digest,
            runtime=self.proof.quote.runtime,
            platform=Platform(self.proof.quote.platform),
            vault_set=self.proof.vault_set,
            session=self.proof.session,
            settle=to_digest(statement.struct_hash()),
            issued=issued,
            expiry=facts.expiry,
        )
        if reply.verdict != ours or not 0 < issued <= facts.expiry:
            return False
        return ours.is_signed_by(vault, self.vaults.domain, reply.signature)


async def settle(this: SettlementTerms, relay: wire.RelayClient) -> wire.ResultDelivery:
    """Store a result, settle it at the vaults; return what the worker hands to the chain once t of them agree.

    Raises EvidenceRefused when fewer than t vaults sign the verdict that this enclave expects.
    """
    receipt = this.receipt()
    await asyncio.gather(store(relay, this.sealed.content), store(relay, receipt.encode()))
    await relay.ask("stage", path="sealed")
    statement = this.statement(receipt)
    verdicts = await _verdicts(this, statement)
    releases = {
        r.vault: SignedRelease(
            release=r.release, signature=r.signature, log=_proof(r.log), bulk=tuple(map(_proof, r.bulk))
        )
        for r in this.agreed.releases
    }
    envelope = envelope_of(
        receipt=receipt,
        facts=this.agreed.facts_bytes,
        releases=releases,
        settle=statement,
        settle_signature=statement.sign(this.vaults.domain, this.me.signing),
        verdicts=verdicts,
    ).encode()
    await store(relay, envelope)
    return _delivery(this, statement, verdicts, envelope)


def _proof(log: LogInclusion) -> LogProof:
    return LogProof(
        head=log.head.head,
        signature=log.head.signature,
        entry=log.logged.entry,
        index=log.logged.index,
        path=tuple(map(to_digest, log.logged.path)),
    )


async def _verdicts(this: SettlementTerms, statement: Settle) -> dict[Address, SignedVerdict]:
    asked = [vault for vault in this.vaults.addresses if vault in this.agreed.deposit_keys]
    replies = await call_all(
        [this.vaults.client(vault).settle(this.request(vault, statement)) for vault in asked],
        enough=this.vaults.threshold,
        grace=PATIENT_SECONDS,  # a share of K2 that a slow vault does not get now, it never gets
    )
    at_least(this.vaults.threshold, replies)
    signed = {
        vault: SignedVerdict(verdict=reply.verdict, signature=reply.signature)
        for vault, reply in zip(asked, replies, strict=True)
        if isinstance(reply, SettleReply) and this.expects(vault, reply, statement)
    }
    if len(signed) < this.vaults.threshold:
        raise EvidenceRefused(
            "verdict", f"fewer than {this.vaults.threshold} vaults signed the verdict on this result."
        )
    return signed


def _delivery(
    this: SettlementTerms, statement: Settle, verdicts: dict[Address, SignedVerdict], envelope: bytes
) -> wire.ResultDelivery:
    facts, digest = this.agreed.facts, statement.result_digest
    hint = {
        "storage": "ipfs",
        "location": location(this.sealed.sha256),
        "receipt": location(to_digest(sha256(envelope))),
    }
    message = personal_digest(enclave_message(facts.worker, facts.task, digest))
    return wire.ResultDelivery(
        result_digest=digest,
        results=canonical(hint),
        callback=this.outcome.callback or b"",
        enclave_signature=this.me.signing.sign(message),
        verdicts=tuple(
            wire.RelayedVerdict(vault=vault, verdict=each.verdict, signature=each.signature)
            for vault, each in sorted(verdicts.items())
        ),
        sealed_sha256=this.sealed.sha256,
        receipt_sha256=statement.receipt_sha256,
        liars=this.agreed.liars,
    )

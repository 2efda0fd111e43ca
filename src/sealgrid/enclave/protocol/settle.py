"""Settle a result: store it, bind it at the vaults, and collect the verdicts that the chain requires for payment."""

import asyncio
from dataclasses import dataclass

from sealgrid.attestation.policy import Platform
from sealgrid.attestation.statements import Settle, Verdict
from sealgrid.crypto.digests import canonical, sha256
from sealgrid.crypto.signing import personal_digest
from sealgrid.enclave.job.app_job import JobOutcome
from sealgrid.enclave.job.seal import SealedResult
from sealgrid.enclave.protocol.attest import AttestedSession, EnclaveKeys, TrustedVaults, require_replies
from sealgrid.enclave.protocol.relay_files import store
from sealgrid.enclave.protocol.release import ReleaseQuorum
from sealgrid.errors import EvidenceRefused
from sealgrid.poco.ids import enclave_message
from sealgrid.receipts.receipt import (
    EnclaveReport,
    SignedReceiptBody,
    SignedVerdict,
    build_body,
    build_envelope,
    sign_body,
)
from sealgrid.units import Address, to_digest
from sealgrid.wire import relay as wire
from sealgrid.wire.quorum import PATIENT_SECONDS, call_all
from sealgrid.wire.shares import seal_share
from sealgrid.wire.storage import location
from sealgrid.wire.vault import SettleReply, SettleRequest


@dataclass(frozen=True)
class Settlement:
    """One result to settle: the enclave's keys and evidence, the vaults' facts, and the sealed result."""

    keys: EnclaveKeys
    vaults: TrustedVaults
    attested: AttestedSession
    quorum: ReleaseQuorum
    outcome: JobOutcome
    sealed: SealedResult
    started: int  #: Unix seconds of the host's clock
    finished: int

    def receipt(self) -> SignedReceiptBody:
        """Return the receipt's file: the signed body."""
        report = EnclaveReport(
            t=self.vaults.threshold,
            vaults=self.vaults.addresses,
            nonces=self.attested.nonces,
            hpke_public=self.keys.hpke.public,
            platform=Platform(self.attested.quote.platform),
            runtime=self.attested.quote.runtime,
            quote=self.attested.quote.quote,
            collateral=self.attested.quote.collateral,
            exit_class=self.outcome.exit_class,
            result_sha256=self.sealed.sha256,
            started=self.started,
            finished=self.finished,
            callback=self.outcome.callback,
            deferred=self.outcome.deferred,
            bulk=self.outcome.bulk,
            opened=self.outcome.opened,
        )
        body = build_body(self.quorum.facts, self.quorum.request.document, report)
        return sign_body(body, self.vaults.domain, self.keys.signing)

    def statement(self, receipt: SignedReceiptBody) -> Settle:
        """Return the Settle over sealed result and receipt."""
        facts = self.quorum.facts
        return Settle(
            task=facts.task,
            worker=facts.worker,
            enclave=facts.enclave,
            result_digest=receipt.body.result_digest,
            sealed_sha256=self.sealed.sha256,
            receipt_sha256=receipt.sha256(),
        )

    def request(self, vault: Address, statement: Settle) -> SettleRequest:
        """Return the request to one vault: the Settle, and that vault's share of K2."""
        signature, record = statement.sign(self.vaults.domain, self.keys.signing), self.sealed.record
        if record is None:
            return SettleRequest(settle=statement, signature=signature)
        share = self.sealed.shares[self.vaults.addresses.index(vault)]
        return SettleRequest(
            settle=statement,
            signature=signature,
            record=record,
            record_signature=record.sign(self.vaults.domain, self.keys.signing),
            index=share.index,
            sealed=seal_share(share, self.quorum.deposit_keys[vault], record.digest(self.vaults.domain)),
        )

    def is_verdict(self, vault: Address, reply: SettleReply, statement: Settle) -> bool:
        """Return whether a reply is this vault's verdict on this result; the vault chooses the time of issue."""
        facts, issued = self.quorum.facts, reply.verdict.issued
        expected = Verdict(
            task=facts.task,
            worker=facts.worker,
            enclave=facts.enclave,
            app=facts.app.digest,
            runtime=self.attested.quote.runtime,
            platform=Platform(self.attested.quote.platform),
            vault_set=self.attested.vault_set,
            session=self.attested.session,
            settle=to_digest(statement.struct_hash()),
            issued=issued,
            expiry=facts.expiry,
        )
        if reply.verdict != expected or not 0 < issued <= facts.expiry:
            return False
        return expected.is_signed_by(vault, self.vaults.domain, reply.signature)


async def settle(settlement: Settlement, relay: wire.RelayClient) -> wire.ResultDelivery:
    """Store a result and settle it at the vaults; return what the worker submits to the chain.

    Raises EvidenceRefused when fewer than t vaults sign the expected verdict.
    """
    receipt = settlement.receipt()
    await asyncio.gather(store(relay, settlement.sealed.content), store(relay, receipt.encode()))
    await relay.call("stage", path="sealed")
    statement = settlement.statement(receipt)
    verdicts = await _collect_verdicts(settlement, statement)
    envelope = build_envelope(
        receipt=receipt,
        facts=settlement.quorum.facts_bytes,
        releases=settlement.quorum.releases,
        settle=statement,
        settle_signature=statement.sign(settlement.vaults.domain, settlement.keys.signing),
        verdicts=verdicts,
    ).encode()
    await store(relay, envelope)
    facts, digest = settlement.quorum.facts, statement.result_digest
    hint = {
        "storage": "ipfs",
        "location": location(settlement.sealed.sha256),
        "receipt": location(to_digest(sha256(envelope))),
    }
    message = personal_digest(enclave_message(facts.worker, facts.task, digest))
    return wire.ResultDelivery(
        result_digest=digest,
        results=canonical(hint),
        callback=settlement.outcome.callback or b"",
        enclave_signature=settlement.keys.signing.sign(message),
        verdicts=tuple(
            wire.RelayedVerdict(vault=vault, verdict=each.verdict, signature=each.signature)
            for vault, each in sorted(verdicts.items())
        ),
        sealed_sha256=settlement.sealed.sha256,
        receipt_sha256=statement.receipt_sha256,
        liars=settlement.quorum.liars,
    )


async def _collect_verdicts(settlement: Settlement, statement: Settle) -> dict[Address, SignedVerdict]:
    called = [vault for vault in settlement.vaults.addresses if vault in settlement.quorum.deposit_keys]
    replies = await call_all(
        [settlement.vaults.client(vault).settle(settlement.request(vault, statement)) for vault in called],
        enough=settlement.vaults.threshold,
        grace=PATIENT_SECONDS,  # this is the only chance of a slow vault to receive its share of K2
    )
    require_replies(settlement.vaults.threshold, replies)
    signed = {
        vault: SignedVerdict(verdict=reply.verdict, signature=reply.signature)
        for vault, reply in zip(called, replies, strict=True)
        if isinstance(reply, SettleReply) and settlement.is_verdict(vault, reply, statement)
    }
    if len(signed) < settlement.vaults.threshold:
        raise EvidenceRefused(
            "verdict", f"fewer than {settlement.vaults.threshold} vaults signed the verdict on this result."
        )
    return signed

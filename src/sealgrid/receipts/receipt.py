"""The proof of one job: a body that its enclave signs, and the envelope that carries everybody else's word about it.

The signed body is a file of its own: its SHA-256 stands in the Settle, and vaults fetch it before they sign a Verdict.
The envelope is put together afterwards. Forms: docs/protocol/receipt.md.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from sealgrid.attestation.facts import AppFact, Facts, parse_facts
from sealgrid.attestation.field_types import Count, HexAddress, HexDeal, HexDigest, HexKey, HexTask
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.statements import LogHead, ReceiptSeal, Release, Settle, Verdict
from sealgrid.crypto.digests import canonical, keccak256, lp, sha256
from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import InputRefused
from sealgrid.receipts.deferred_callback import DeferredCallback, deferred_digest
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import Address, Digest, TaskId, to_bytes, to_digest

MOST_BYTES = 4 << 20  #: of an envelope

ExitClass = Literal["ok", "app-failed", "refused", "unopened"]
D = TypeVar("D", bound="_CanonicalDocument")


class _CanonicalDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Anything with one canonical form."""

    def encode(self) -> bytes:
        """Return the canonical document (RFC 8785)."""
        return canonical(self)

    def sha256(self) -> Digest:
        """Return the digest of the canonical document."""
        return to_digest(sha256(self.encode()))


class UsedDataset(_CanonicalDocument, frozen=True, kw_only=True):
    """The dataset that was used."""

    address: HexAddress
    checksum: HexDigest


class HostTime(_CanonicalDocument, frozen=True, kw_only=True):
    """When the job ran, as the host told the enclave: no proof of anything. Unix seconds."""

    started: Count
    finished: Count


class ReceiptBody(_CanonicalDocument, frozen=True, kw_only=True):
    """What the enclave says about its job, with its evidence."""

    schema: Literal["sealgrid/receipt/2"] = "sealgrid/receipt/2"
    chain: Count
    hub: HexAddress
    broker: HexAddress
    deal: HexDeal
    task: HexTask
    attempt: Count
    app: AppFact
    dataset: UsedDataset | None
    bulk: tuple[UsedDataset, ...] | UnsetType = UNSET  #: of a bulk deal: what was used, in the order of the slice
    inputs: tuple[HexDigest, ...]  #: SHA-256 of each sealed input
    request: RequestDocument  #: the order that the requester signed, from which the task's terms were taken
    pool: HexAddress
    worker: HexAddress
    enclave: HexAddress
    hpke_public: HexKey
    platform: Platform
    runtime: HexDigest
    quote: bytes
    collateral: str  #: JSON text, exactly as it went to the vaults
    vaults: tuple[HexAddress, ...]  #: ascending
    nonces: dict[HexAddress, HexDigest]  #: by vault; zero for one that gave none
    t: Count
    exit_class: ExitClass
    opened: bool | UnsetType = UNSET  #: true where the dataset's file opened whole with the key of its record
    result_sha256: HexDigest  #: of the sealed result
    callback_digest: HexDigest | None  #: keccak256 of what the chain calls back with; None without a callback
    commitment: HexDigest | UnsetType = UNSET  #: of a deferred callback: keccak256(salt ‖ data)
    host_time: HostTime

    @property
    def n(self) -> int:
        """Return how many vaults the federation has."""
        return len(self.vaults)

    @property
    def result_digest(self) -> Digest:
        """Return what must go on the chain for this body; with a callback PoCo fixes it, else it covers the body."""
        if self.callback_digest is not None:
            return self.callback_digest
        covered = self.covering_digest
        return covered if isinstance(self.commitment, UnsetType) else deferred_digest(covered, self.commitment)

    @property
    def covering_digest(self) -> Digest:
        """Return the digest over task, sealed result and body: of a deferred callback, what its delivery names."""
        return result_digest(self.task, self.result_sha256, self.sha256())


class SignedReceiptBody(_CanonicalDocument, frozen=True, kw_only=True):
    """The receipt's file: ``receiptSha256`` in the Settle is the digest of its canonical bytes."""

    body: ReceiptBody
    signature: bytes  #: of ReceiptSeal over the body's digest, by the enclave's key


class LogProof(_CanonicalDocument, frozen=True, kw_only=True):
    """That a release stood in its vault's log before it was answered: a later log without it is a provable lie."""

    head: LogHead
    signature: bytes  #: of the head, by the vault
    entry: str  #: canonical LogEntry
    index: Count
    path: tuple[HexDigest, ...]  #: from the entry's leaf up to the head's root


class SignedRelease(_CanonicalDocument, frozen=True, kw_only=True, omit_defaults=True):
    """A vault's word about the facts."""

    release: Release
    signature: bytes
    log: LogProof | None = None  #: None in a receipt that its requester put together anew, and in older ones
    bulk: tuple[LogProof, ...] = ()  #: likewise of each dataset of a bulk whose share went with it


class SignedVerdict(_CanonicalDocument, frozen=True, kw_only=True):
    """A vault's word about the enclave and its result."""

    verdict: Verdict
    signature: bytes


class ReceiptEnvelope(_CanonicalDocument, frozen=True, kw_only=True):
    """A whole receipt: everything that ``verify`` needs beside its pins."""

    schema: Literal["sealgrid/receipt-envelope/1"] = "sealgrid/receipt-envelope/1"
    receipt: SignedReceiptBody
    facts: str  #: canonical facts, which every release signs
    releases: dict[HexAddress, SignedRelease]  #: by vault
    settle: Settle
    settle_signature: bytes  #: by the enclave's key
    verdicts: dict[HexAddress, SignedVerdict]  #: by vault

    @property
    def refusal(self) -> str:
        """Return the number of the check by which the vaults refused the deal; empty where they did not."""
        return parse_facts(self.facts.encode()).refusal or "" if self.receipt.body.exit_class == "refused" else ""


def body_of(
    facts: Facts,
    request: RequestDocument,
    *,
    t: int,
    vaults: Sequence[Address],
    nonces: Sequence[bytes],
    hpke_public: bytes,
    platform: Platform,
    runtime: Digest,
    quote: bytes,
    collateral: bytes,
    exit_class: ExitClass,
    result_sha256: Digest,
    started: int,
    finished: int,
    callback: bytes | None = None,
    deferred: DeferredCallback | None = None,
    bulk: tuple[UsedDataset, ...] | UnsetType = UNSET,
    opened: bool = False,
) -> ReceiptBody:
    """Return the body for a job: the facts' part from the facts, the rest as given; ``nonces`` in vault order.

    ``callback`` is the data that the chain calls back with, None where the deal has no callback; ``deferred`` are
    those that are delivered after the payment; ``bulk`` are the datasets of a bulk that were used; ``opened`` says that
    the deal's dataset opened whole.
    """
    by_vault = {vault: to_digest(nonce) for vault, nonce in zip(vaults, nonces, strict=True)}
    dataset = facts.dataset
    return ReceiptBody(
        chain=facts.chain,
        hub=facts.hub,
        broker=facts.broker,
        deal=facts.deal,
        task=facts.task,
        attempt=facts.attempt,
        app=facts.app,
        dataset=None if dataset is None else UsedDataset(address=dataset.address, checksum=dataset.checksum),
        bulk=bulk,
        inputs=facts.inputs,
        request=request,
        pool=facts.pool,
        worker=facts.worker,
        enclave=facts.enclave,
        hpke_public=to_digest(hpke_public),
        platform=platform,
        runtime=runtime,
        quote=quote,
        collateral=collateral.decode(),
        vaults=tuple(vaults),
        nonces=by_vault,
        t=t,
        exit_class=exit_class,
        opened=True if opened else UNSET,
        result_sha256=result_sha256,
        callback_digest=None if callback is None else to_digest(keccak256(callback)),
        commitment=UNSET if deferred is None else deferred.commitment(),
        host_time=HostTime(started=started, finished=finished),
    )


def sign_body(body: ReceiptBody, domain: Domain, key: SigningKey) -> SignedReceiptBody:
    """Sign a body with the enclave's key."""
    return SignedReceiptBody(body=body, signature=ReceiptSeal(body=body.sha256()).sign(domain, key))


def result_digest(task: TaskId, sealed_sha256: Digest, body_sha256: Digest) -> Digest:
    """Return what the chain holds of a result without a callback: no hash of any plaintext."""
    parts = (to_bytes(part, 32) for part in (task, sealed_sha256, body_sha256))
    return to_digest(sha256(b"sealgrid/result/1", lp(*parts)))


def envelope_of(
    *,
    receipt: SignedReceiptBody,
    facts: bytes,
    releases: Mapping[Address, SignedRelease],
    settle: Settle,
    settle_signature: bytes,
    verdicts: Mapping[Address, SignedVerdict],
) -> ReceiptEnvelope:
    """Put a whole receipt together."""
    return ReceiptEnvelope(
        receipt=receipt,
        facts=facts.decode(),
        releases=dict(releases),
        settle=settle,
        settle_signature=settle_signature,
        verdicts=dict(verdicts),
    )


def parse_signed_body(document: bytes) -> SignedReceiptBody:
    """Read a receipt's file; raise InputRefused unless it is in its one canonical form."""
    return _parse(document, SignedReceiptBody)


def parse_envelope(document: bytes) -> ReceiptEnvelope:
    """Read an envelope; raise InputRefused unless it is in its one canonical form."""
    return _parse(document, ReceiptEnvelope)


def _parse(document: bytes, kind: type[D]) -> D:
    if len(document) > MOST_BYTES:
        raise InputRefused(f"a receipt has at most {MOST_BYTES} bytes.")
    try:
        found = msgspec.json.decode(document, type=kind)
        same = found.encode() == document
    except (ValueError, *UNREADABLE) as error:
        raise InputRefused(f"this is no receipt: {error}.") from error
    if not same:
        raise InputRefused("the receipt is not in its canonical form (RFC 8785).")
    return found

"""Receipt of one job: a body that its enclave signs, and an envelope with the statements of the vaults.

The signed body is a separate file: the Settle has its SHA-256, and vaults fetch it before they sign a Verdict. The
envelope is built afterwards. Format: docs/protocol/receipt.md.
"""

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from sealgrid.attestation.facts import AppFact, Facts, parse_facts
from sealgrid.attestation.field_types import Count, HexAddress, HexDeal, HexDigest, HexKey, HexTask
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.statements import LogHead, ReceiptSeal, Release, Settle, Verdict
from sealgrid.crypto.digests import canonical, keccak256, lp, sha256
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import DECODE_ERRORS, InputRefused
from sealgrid.receipts.deferred_callback import DeferredCallback, deferred_digest
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import Address, Digest, TaskId, to_bytes, to_digest

MAX_BYTES = 4 << 20  #: of an envelope

ExitClass = Literal["ok", "app-failed", "refused", "unopened"]
D = TypeVar("D", bound="_CanonicalDocument")


class _CanonicalDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document with a canonical form."""

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
    """Time of the job in Unix seconds; host-provided, not attested."""

    started: Count
    finished: Count


class ReceiptBody(_CanonicalDocument, frozen=True, kw_only=True):
    """The enclave's statement about its job, with its evidence."""

    schema: Literal["sealgrid/receipt/2"] = "sealgrid/receipt/2"
    chain: Count
    hub: HexAddress
    broker: HexAddress
    deal: HexDeal
    task: HexTask
    attempt: Count
    app: AppFact
    dataset: UsedDataset | None
    bulk: tuple[UsedDataset, ...] | UnsetType = UNSET  #: of a bulk deal: the used datasets, in the order of the slice
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
    nonces: dict[HexAddress, HexDigest]  #: by vault; zero for a vault that sent none
    t: Count
    exit_class: ExitClass
    opened: bool | UnsetType = UNSET  #: true where the dataset's whole file was decrypted with the key of its record
    result_sha256: HexDigest  #: of the sealed result
    callback_digest: HexDigest | None  #: keccak256 of the callback data; None without a callback
    commitment: HexDigest | UnsetType = UNSET  #: of a deferred callback: keccak256(salt ‖ data)
    host_time: HostTime

    @property
    def n(self) -> int:
        """Return how many vaults the federation has."""
        return len(self.vaults)

    @property
    def result_digest(self) -> Digest:
        """Return the result digest on chain; with a callback PoCo fixes it, else it covers the body."""
        if self.callback_digest is not None:
            return self.callback_digest
        covered = self.covering_digest
        return covered if isinstance(self.commitment, UnsetType) else deferred_digest(covered, self.commitment)

    @property
    def covering_digest(self) -> Digest:
        """Return the digest over task, sealed result and body; the delivery of a deferred callback names it."""
        return result_digest(self.task, self.result_sha256, self.sha256())


class SignedReceiptBody(_CanonicalDocument, frozen=True, kw_only=True):
    """The receipt's file: ``receiptSha256`` in the Settle is the digest of its canonical bytes."""

    body: ReceiptBody
    signature: bytes  #: of ReceiptSeal over the body's digest, by the enclave's key


class LogProof(_CanonicalDocument, frozen=True, kw_only=True):
    """Proof that a release was in its vault's log before the answer; a later log without it proves misbehaviour."""

    head: LogHead
    signature: bytes  #: of the head, by the vault
    entry: str  #: canonical LogEntry
    index: Count
    path: tuple[HexDigest, ...]  #: from the entry's leaf up to the head's root


class SignedRelease(_CanonicalDocument, frozen=True, kw_only=True, omit_defaults=True):
    """A vault's signed release over the facts."""

    release: Release
    signature: bytes
    log: LogProof | None = None  #: None in a receipt that its requester rebuilt, and in older ones
    bulk: tuple[LogProof, ...] = ()  #: likewise of each dataset of a bulk that it includes a share of


class SignedVerdict(_CanonicalDocument, frozen=True, kw_only=True):
    """A vault's signed verdict on the enclave and its result."""

    verdict: Verdict
    signature: bytes


class ReceiptEnvelope(_CanonicalDocument, frozen=True, kw_only=True):
    """A complete receipt: everything that ``verify`` needs besides its pins."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclaveReport:
    """What an enclave adds to the facts in its receipt: its evidence, and how its job ended."""

    t: int
    vaults: tuple[Address, ...]  #: ascending
    nonces: Sequence[bytes]  #: in the order of ``vaults``
    hpke_public: bytes
    platform: Platform
    runtime: Digest
    quote: bytes = field(repr=False)
    collateral: bytes = field(repr=False)
    exit_class: ExitClass
    result_sha256: Digest  #: of the sealed result
    started: int  #: Unix seconds of the host's clock
    finished: int
    callback: bytes | None = None  #: callback data; None where the deal has no callback
    deferred: DeferredCallback | None = field(default=None, repr=False)  #: delivered after the payment
    bulk: tuple[UsedDataset, ...] | UnsetType = UNSET  #: the used datasets of a bulk
    opened: bool = False  #: whether the deal's whole dataset was decrypted


def build_body(facts: Facts, request: RequestDocument, report: EnclaveReport) -> ReceiptBody:
    """Return the body of a job's receipt."""
    by_vault = {vault: to_digest(nonce) for vault, nonce in zip(report.vaults, report.nonces, strict=True)}
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
        bulk=report.bulk,
        inputs=facts.inputs,
        request=request,
        pool=facts.pool,
        worker=facts.worker,
        enclave=facts.enclave,
        hpke_public=to_digest(report.hpke_public),
        platform=report.platform,
        runtime=report.runtime,
        quote=report.quote,
        collateral=report.collateral.decode(),
        vaults=report.vaults,
        nonces=by_vault,
        t=report.t,
        exit_class=report.exit_class,
        opened=True if report.opened else UNSET,
        result_sha256=report.result_sha256,
        callback_digest=None if report.callback is None else to_digest(keccak256(report.callback)),
        commitment=UNSET if report.deferred is None else report.deferred.commitment(),
        host_time=HostTime(started=report.started, finished=report.finished),
    )


def sign_body(body: ReceiptBody, domain: Domain, key: SigningKey) -> SignedReceiptBody:
    """Sign a body with the enclave's key."""
    return SignedReceiptBody(body=body, signature=ReceiptSeal(body=body.sha256()).sign(domain, key))


def result_digest(task: TaskId, sealed_sha256: Digest, body_sha256: Digest) -> Digest:
    """Return the on-chain digest of a result without a callback; it is not a hash of plaintext."""
    parts = (to_bytes(part, 32) for part in (task, sealed_sha256, body_sha256))
    return to_digest(sha256(b"sealgrid/result/1", lp(*parts)))


def build_envelope(
    *,
    receipt: SignedReceiptBody,
    facts: bytes,
    releases: Mapping[Address, SignedRelease],
    settle: Settle,
    settle_signature: bytes,
    verdicts: Mapping[Address, SignedVerdict],
) -> ReceiptEnvelope:
    """Return a complete receipt."""
    return ReceiptEnvelope(
        receipt=receipt,
        facts=facts.decode(),
        releases=dict(releases),
        settle=settle,
        settle_signature=settle_signature,
        verdicts=dict(verdicts),
    )


def parse_signed_body(document: bytes) -> SignedReceiptBody:
    """Parse a receipt's file; raise InputRefused unless it is in canonical form."""
    return _parse(document, SignedReceiptBody)


@lru_cache(maxsize=4)  # a requester fetches, verifies and opens one receipt in turn
def parse_envelope(document: bytes) -> ReceiptEnvelope:
    """Parse an envelope; raise InputRefused unless it is in canonical form."""
    return _parse(document, ReceiptEnvelope)


def _parse(document: bytes, kind: type[D]) -> D:
    if len(document) > MAX_BYTES:
        raise InputRefused(f"a receipt has at most {MAX_BYTES} bytes.")
    try:
        parsed = msgspec.json.decode(document, type=kind)
        is_canonical = parsed.encode() == document
    except (ValueError, *DECODE_ERRORS) as error:
        changed = document.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        reason = "a program added a byte order mark; use the original file" if changed else error
        raise InputRefused(f"this is not a valid receipt: {reason}.") from error
    if not is_canonical:
        raise InputRefused(
            "the receipt is not in its canonical form (RFC 8785): a program changed its bytes, for example line ends; "
            "use the original file."
        )
    return parsed

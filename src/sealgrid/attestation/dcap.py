"""Turn a quote into verified claims (Intel DCAP; signatures and TCB by dcap-qvl, identities and rollback by us)."""

import base64
import re
from collections.abc import Sequence

import dcap_qvl  # type: ignore[import-untyped]

from sealgrid.attestation.claims import WEAK_TD, QuoteFacts, read_claims
from sealgrid.attestation.evidence import Quote, TrustRoot, VerifiedClaims, root_named
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.quote_format import TEE_TDX
from sealgrid.errors import EvidenceRefused

MOST_QUOTE_BYTES = 64 << 10
MOST_COLLATERAL_BYTES = 1 << 20

# What dcap-qvl 0.7 says when a quote is genuine and still not good enough. The words choose the number only: a quote
# that it refuses for any other reason is refused as (2.4).
_NUMBER_OF = (
    ("Debug mode", "3.1", "the enclave runs in debug mode; its memory is open to the host."),
    ("TCB status", "3.2", "the machine's firmware is out of date or revoked; update it."),
    ("No matching TCB level", "3.2", "the machine's firmware is out of date or revoked; update it."),
    ("enabled", "3.4", WEAK_TD),
    ("TD attributes", "3.4", WEAK_TD),
    ("by policy", "3.3", "the machine has a trait that its root of trust is not configured to accept."),
)

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def verify(quote: Quote, roots: Sequence[TrustRoot], *, at: int, allow_simulated: bool) -> VerifiedClaims:
    """Return what a quote of SGX, TDX or the simulated platform proves at the Unix time ``at``.

    (2.1) The quote and its collateral can be read.
    (2.2) The quote's certificate chain ends at a configured root; that root decides the platform. Intel's may be
          configured for SGX and for TDX: the kind of report, which its chain signed, tells the two apart.
    (2.3) A simulated root counts only where ``allow_simulated`` says so.
    (2.4) Every signature, certificate, revocation list and date holds at ``at``.
    (2.5) The collateral's evaluation number is at least the root's: no rollback to forgiving levels.
    (3.1) Debug is off.
    (3.2) The TCB of the machine and of its quoting enclave is up to date, or has a status that the root accepts.
    (3.3) The machine has no trait but those that its root accepts.
    (3.4) The report is of the kind that the root's platform makes, with no attribute that weakens it.

    Whether the runtime, the app and the report data are the right ones, the caller decides. Numbers (2) and (3) of
    docs/protocol/evidence.md; raises EvidenceRefused with the number.
    """
    collateral = _readable(quote)  # (2.1)
    root = _root_of(quote, roots)  # (2.2)
    if root.platform is Platform.SIMULATED and not allow_simulated:  # (2.3)
        raise EvidenceRefused("2.3", "simulated evidence proves nothing and is not accepted here.")
    facts = _signed(quote, collateral, root, at)  # (2.4) (3.1) (3.2) (3.3)
    if facts.eval_number < root.minimum_eval_number:  # (2.5)
        raise EvidenceRefused("2.5", "the collateral is older than what was seen before; fetch it anew.")
    if facts.status not in {"UpToDate", *root.statuses}:  # (3.2) again: the claims must say what the policy decided
        raise EvidenceRefused("3.2", f"the machine's TCB is {facts.status}.")
    return facts.claims_for(root)  # (3.4)


def _readable(quote: Quote) -> dcap_qvl.QuoteCollateralV3:
    if len(quote.raw) > MOST_QUOTE_BYTES or len(quote.collateral.raw) > MOST_COLLATERAL_BYTES:
        raise EvidenceRefused("2.1", "the quote or its collateral is larger than any real one.")
    try:
        return dcap_qvl.QuoteCollateralV3.from_json(quote.collateral.raw.decode())
    except ValueError as error:
        raise EvidenceRefused("2.1", "the collateral cannot be read.") from error


def _root_of(quote: Quote, roots: Sequence[TrustRoot]) -> TrustRoot:
    named = root_named(roots, _last_certificate(quote.raw))
    # Only Intel's root is found twice. The header's word chooses the policy to verify under; (3.4) proves it.
    kind = Platform.TDX if quote.raw[4:8] == TEE_TDX.to_bytes(4, "little") else Platform.SGX
    return next((root for root in named if root.platform is kind), named[0])


def _last_certificate(raw: bytes) -> bytes:
    try:
        chain = dcap_qvl.Quote.parse(raw).cert_chain_pem_bytes() or b""
        return base64.b64decode(_CERTIFICATE.findall(chain)[-1])
    except (ValueError, IndexError) as error:
        raise EvidenceRefused("2.1", "the quote cannot be read, or carries no certificates.") from error


def _signed(quote: Quote, collateral: dcap_qvl.QuoteCollateralV3, root: TrustRoot, at: int) -> QuoteFacts:
    policy = dcap_qvl.QuotePolicy.strict(at)
    policy = policy.allow_dynamic_platform("dynamic_platform" in root.traits)
    policy = policy.allow_cached_keys("cached_keys" in root.traits).allow_smt("smt" in root.traits)
    for status in root.statuses:
        policy = policy.allow_status(status)
    verifier = dcap_qvl.QuoteVerifier(root.root_ca_der)
    try:
        return read_claims(verifier.verify_with_policy(quote.raw, collateral, at, policy).to_json())
    except ValueError as error:
        raise _refusal(str(error)) from error


def _refusal(words: str) -> EvidenceRefused:
    for fragment, number, sentence in _NUMBER_OF:
        if fragment in words:
            return EvidenceRefused(number, sentence)
    return EvidenceRefused("2.4", "a signature, certificate, revocation list or date of the evidence does not hold.")

"""Turn a quote into verified claims (Intel DCAP; signatures and TCB by dcap-qvl, identities and rollback by us)."""

import base64
import re
from collections.abc import Sequence

import dcap_qvl  # type: ignore[import-untyped]

from sealgrid.attestation.claims import WEAK_TD, QuoteFacts, read_claims
from sealgrid.attestation.evidence import Quote, TrustRoot, VerifiedClaims
from sealgrid.attestation.policy import Platform
from sealgrid.errors import EvidenceRefused, InputRefused

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


def verify(
    quote: Quote, roots: Sequence[TrustRoot], *, at: int, minimum_eval_number: int, allow_simulated: bool
) -> VerifiedClaims:
    """Return what a quote proves at the Unix time ``at``; raise EvidenceRefused with the number.

    (2.1) The quote and its collateral can be read.
    (2.2) The quote's certificate chain ends at a configured root; that root alone decides the platform.
    (2.3) A simulated root counts only where ``allow_simulated`` says so.
    (2.4) Every signature, certificate, revocation list and date holds at ``at``.
    (2.5) The collateral's evaluation number is at least ``minimum_eval_number``: no rollback to forgiving levels.
    (3.1) Debug is off.
    (3.2) The TCB of the machine and of its quoting enclave is up to date; no other status passes.
    (3.3) The machine has no trait but those that its root accepts.
    (3.4) The report is of the kind that the root's platform makes, with no attribute that weakens it.

    Whether the runtime, the app and the report data are the right ones, the caller decides. Numbers (2) and (3) of
    docs/protocol/evidence.md; raises InputRefused when two roots are one certificate.
    """
    if len({root.root_ca_der for root in roots}) != len(roots):
        raise InputRefused("each root of trust stands for one platform; one certificate is configured twice.")
    collateral = _readable(quote)  # (2.1)
    root = _root_of(quote, roots)  # (2.2)
    if root.platform is Platform.SIMULATED and not allow_simulated:  # (2.3)
        raise EvidenceRefused("2.3", "simulated evidence proves nothing and is not accepted here.")
    facts = _signed(quote, collateral, root, at)  # (2.4) (3.1) (3.2) (3.3)
    if facts.eval_number < minimum_eval_number:  # (2.5)
        raise EvidenceRefused("2.5", "the collateral is older than what was seen before; fetch it anew.")
    if facts.status != "UpToDate":  # (3.2) again: dcap-qvl's policy has decided already, the claims must say the same
        raise EvidenceRefused("3.2", f"the machine's TCB is {facts.status}.")
    return facts.claims_for(root.platform)  # (3.4)


def _readable(quote: Quote) -> dcap_qvl.QuoteCollateralV3:
    if len(quote.raw) > MOST_QUOTE_BYTES or len(quote.collateral.raw) > MOST_COLLATERAL_BYTES:
        raise EvidenceRefused("2.1", "the quote or its collateral is larger than any real one.")
    try:
        return dcap_qvl.QuoteCollateralV3.from_json(quote.collateral.raw.decode())
    except ValueError as error:
        raise EvidenceRefused("2.1", "the collateral cannot be read.") from error


def _root_of(quote: Quote, roots: Sequence[TrustRoot]) -> TrustRoot:
    # Which root is meant is the sender's word; that it signed is proved in (2.4), with this root and no other.
    named = _last_certificate(quote.raw)
    for root in roots:
        if root.root_ca_der == named:
            return root
    raise EvidenceRefused("2.2", "the quote's certificates do not end at a root of trust that is configured here.")


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

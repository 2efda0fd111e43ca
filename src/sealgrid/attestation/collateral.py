"""Verifies collateral without a quote, before it is cached.

(2.1) It can be parsed. (2.2) Its chains end at a configured root. (2.4) Every certificate, list and document in it is
signed by its issuer and valid at the time. Same numbers as in ``verification``, which verifies again with a quote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from sealgrid.attestation.certificates import at_time, is_issued_by, load_chain, load_revocation_list
from sealgrid.attestation.evidence import Collateral, TrustRoot, find_roots
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.snp_collateral import find_chain_error, parse_chain
from sealgrid.crypto.digests import sha256
from sealgrid.errors import DECODE_ERRORS, EvidenceRefused
from sealgrid.units import Digest, to_digest

_INTEL = (Platform.SGX, Platform.TDX, Platform.SIMULATED)


@dataclass(frozen=True, slots=True)
class CollateralTerms:
    """Expiry of collateral, and its number in its series."""

    number: int  #: evaluation number, or number of AMD's revocation list
    expires: int  #: Unix seconds
    series: Digest  #: as in ``VerifiedClaims``


class IntelCollateral(msgspec.Struct, frozen=True, kw_only=True):
    """The nine parts of Intel's collateral, with dcap-qvl's names."""

    pck_crl_issuer_chain: str
    root_ca_crl: str  #: DER in hex
    pck_crl: str  #: DER in hex
    tcb_info_issuer_chain: str
    tcb_info: str  #: exact signed text
    tcb_info_signature: str  #: r ‖ s in hex
    qe_identity_issuer_chain: str
    qe_identity: str
    qe_identity_signature: str

    def encode(self) -> Collateral:
        """Return the collateral of a quote."""
        return Collateral(msgspec.json.encode(self))


class _SignedDocument(msgspec.Struct, frozen=True):
    issue_date: datetime = msgspec.field(name="issueDate")
    next_update: datetime = msgspec.field(name="nextUpdate")
    number: int = msgspec.field(name="tcbEvaluationDataNumber")


def verify_intel_collateral(collateral: Collateral, roots: Sequence[TrustRoot], at: int) -> CollateralTerms:
    """Return the terms of Intel's collateral; raise EvidenceRefused with the number of the failed check."""
    try:
        parts = msgspec.json.decode(collateral.raw, type=IntelCollateral)
        chains = [load_chain(text.encode()) for text in (parts.tcb_info_issuer_chain, parts.qe_identity_issuer_chain)]
        pck_chain = load_chain(parts.pck_crl_issuer_chain.encode())
        lists = [load_revocation_list(bytes.fromhex(text)) for text in (parts.root_ca_crl, parts.pck_crl)]
        documents = [msgspec.json.decode(text, type=_SignedDocument) for text in (parts.tcb_info, parts.qe_identity)]
        signatures = [bytes.fromhex(text) for text in (parts.tcb_info_signature, parts.qe_identity_signature)]
    except (ValueError, *DECODE_ERRORS) as error:  # (2.1)
        raise EvidenceRefused("2.1", "the collateral cannot be read.") from error
    intel_roots = [root for root in roots if root.platform in _INTEL]
    root, now = pck_chain[-1], at_time(at)
    for chain in (*chains, pck_chain):  # (2.2)
        find_roots(intel_roots, chain[-1].public_bytes(Encoding.DER))
    valid = (
        all(_is_chain_valid(chain, now) for chain in (*chains, pck_chain))
        and all(_is_list_valid(each, issuer, now) for each, issuer in zip(lists, (root, pck_chain[0]), strict=True))
        and _is_document_signed(parts.tcb_info, signatures[0], chains[0][0])
        and _is_document_signed(parts.qe_identity, signatures[1], chains[1][0])
        and all(each.issue_date <= now <= each.next_update for each in documents)
    )
    if not valid:  # (2.4)
        raise EvidenceRefused("2.4", "a signature, certificate, list or date of the collateral is not valid.")
    ends = [each.next_update for each in documents] + [each.next_update_utc or now for each in lists]
    ends += [each.not_valid_after_utc for chain in (*chains, pck_chain) for each in chain]
    number = min(each.number for each in documents)
    return CollateralTerms(number, int(min(ends).timestamp()), to_digest(sha256(root.public_bytes(Encoding.DER))))


def verify_snp_collateral(collateral: Collateral, roots: Sequence[TrustRoot], at: int) -> CollateralTerms:
    """Return the terms of AMD's collateral; raise EvidenceRefused with the number of the failed check."""
    try:
        chain = parse_chain(collateral)
    except ValueError as error:  # (2.1)
        raise EvidenceRefused("2.1", "the collateral cannot be read.") from error
    find_roots(  # (2.2)
        [root for root in roots if root.platform is Platform.SNP], chain.root.public_bytes(Encoding.DER)
    )
    if (broken := find_chain_error(chain, at)) is not None:  # (2.4)
        raise EvidenceRefused("2.4", f"{broken}.")
    ends = [each.not_valid_after_utc for each in (chain.leaf, chain.intermediate, chain.root)]
    if chain.revocation_list is not None and chain.revocation_list.next_update_utc is not None:
        ends.append(chain.revocation_list.next_update_utc)
    series = to_digest(sha256(chain.intermediate.public_bytes(Encoding.DER)))
    return CollateralTerms(chain.list_number, int(min(ends).timestamp()), series)


def _is_chain_valid(chain: list[x509.Certificate], now: datetime) -> bool:
    above = [*chain[1:], chain[-1]]
    return all(
        is_issued_by(each, issuer) and each.not_valid_before_utc <= now <= each.not_valid_after_utc
        for each, issuer in zip(chain, above, strict=True)
    )


def _is_list_valid(listed: x509.CertificateRevocationList, issuer: x509.Certificate, now: datetime) -> bool:
    key, until = issuer.public_key(), listed.next_update_utc
    if not isinstance(key, ec.EllipticCurvePublicKey) or listed.issuer != issuer.subject or until is None:
        return False
    return listed.last_update_utc <= now <= until and listed.is_signature_valid(key)


def _is_document_signed(text: str, signature: bytes, signer: x509.Certificate) -> bool:
    key = signer.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or len(signature) != 64:
        return False
    r, s = (int.from_bytes(signature[half], "big") for half in (slice(0, 32), slice(32, 64)))
    try:
        key.verify(encode_dss_signature(r, s), text.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True

"""Verifies AMD SEV-SNP attestation reports (AMD 56860)."""

from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from sealgrid.attestation import snp_report
from sealgrid.attestation.evidence import Quote, TrustRoot, VerifiedClaims, find_roots
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.snp_collateral import CertificateChain, find_chain_error, parse_chain
from sealgrid.attestation.snp_report import ReportSigningKey, SnpReport
from sealgrid.crypto.digests import sha256
from sealgrid.errors import EvidenceRefused
from sealgrid.units import to_digest

MAX_COLLATERAL_BYTES = 64 << 10
CHIP_BYTES = 64


def verify(quote: Quote, roots: Sequence[TrustRoot], *, at: int) -> VerifiedClaims:
    """Return what an SEV-SNP report proves at the Unix time ``at``; raise EvidenceRefused with the number.

    (2.1) The report and its collateral can be parsed.
    (2.2) The certificates end at a configured root for SNP.
    (2.4) Every certificate is signed by its issuer and valid at ``at``; the root's revocation list is present, signed
          and valid, and contains none of them.
    (2.5) The number of that list is at least the root's minimum (no rollback).
    (2.6) The leaf matches the report: kind of key, product, firmware, and for a VCEK the chip.
    (2.7) The report is signed by the leaf's key.
    (3.1) Debug is off.
    (3.2) No part of the machine's firmware is below the root's minimum.
    (3.3) The guest has only traits that the root accepts: shared cores, a provider's key, a service module.
    (3.4) Nothing weakens the guest: no migration agent, no unknown policy bit.

    The caller checks runtime, app and report data. Numbers (2) and (3) of docs/protocol/evidence.md; check (2.3) does
    not apply, since a simulated root is never one for SNP.
    """
    if len(quote.collateral.raw) > MAX_COLLATERAL_BYTES:  # (2.1)
        raise EvidenceRefused("2.1", "the collateral is larger than the limit.")
    try:
        report, chain = SnpReport(quote.raw), parse_chain(quote.collateral)
    except ValueError as error:  # (2.1)
        raise EvidenceRefused("2.1", "the report or its collateral cannot be read.") from error
    root = find_roots(  # (2.2)
        (root for root in roots if root.platform is Platform.SNP), chain.root.public_bytes(Encoding.DER)
    )[0]
    if chain.revocation_list is None and "no_revocation_list" not in root.traits:  # (2.4)
        raise EvidenceRefused("2.4", "the collateral has no revocation list of AMD; fetch it.")
    if (broken := find_chain_error(chain, at)) is not None:  # (2.4)
        raise EvidenceRefused("2.4", f"{broken}.")
    if chain.list_number < root.minimum_eval_number:  # (2.5)
        raise EvidenceRefused("2.5", "the revocation list is older than one used before; fetch it again.")
    _check_leaf(report, chain)  # (2.6)
    try:
        chain.facts.key.verify(encode_dss_signature(*report.signature()), report.signed, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature as error:  # (2.7)
        raise EvidenceRefused("2.7", "the report's signature is not valid.") from error
    _check_configuration(report, chain, root)  # (3.1) (3.2) (3.3) (3.4)
    leaf = chain.facts
    return VerifiedClaims(
        platform=Platform.SNP,
        measurements=(report.measurement,),
        locked_app=to_digest(report.host_data) if any(report.host_data) else None,
        report_data=report.report_data,
        machine=leaf.provider or report.chip_id.hex(),
        fmspc=leaf.product,
        tcb_status=str(leaf.tcb),
        advisories=(),
        eval_number=chain.list_number,
        series=to_digest(sha256(chain.intermediate.public_bytes(Encoding.DER))),
    )


def _check_leaf(report: SnpReport, chain: CertificateChain) -> None:
    leaf = chain.facts
    signer = f"SEV-{leaf.product}" if leaf.kind is ReportSigningKey.VCEK else f"SEV-VLEK-{leaf.product}"
    signers = [each.value for each in chain.intermediate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if (report.signing_key, signers) != (leaf.kind, [signer]):  # (2.6)
        raise EvidenceRefused("2.6", "the certificate is for another kind of key or product than the report.")
    if report.product not in (None, leaf.product):  # (2.6)
        raise EvidenceRefused("2.6", "the certificate is for another product than the processor of the report.")
    if report.reported_tcb(leaf.product) != leaf.tcb:  # (2.6)
        raise EvidenceRefused("2.6", "the certificate is for other firmware than the report names; fetch it again.")
    if leaf.kind is ReportSigningKey.VCEK and leaf.chip.ljust(CHIP_BYTES, b"\0") != report.chip_id:  # (2.6)
        raise EvidenceRefused("2.6", "the certificate is for another chip.")
    unnamed_chip = leaf.kind is ReportSigningKey.VCEK and not any(leaf.chip)
    if unnamed_chip or (leaf.kind is ReportSigningKey.VLEK and not leaf.provider):  # (2.6)
        raise EvidenceRefused("2.6", "the certificate names neither a chip nor a provider.")


def _check_configuration(report: SnpReport, chain: CertificateChain, root: TrustRoot) -> None:
    if report.policy & snp_report.POLICY_DEBUG:  # (3.1)
        raise EvidenceRefused("3.1", "the guest allows debugging; the host can read its memory.")
    if not chain.facts.tcb.reaches(root.least_tcb):  # (3.2)
        raise EvidenceRefused("3.2", f"the machine's firmware ({chain.facts.tcb}) is out of date; update it.")
    present = {
        "smt": report.policy & snp_report.POLICY_SMT and report.platform_info & snp_report.PLATFORM_SMT,
        "provider_key": report.signing_key == ReportSigningKey.VLEK,
        "service_module": report.vmpl > 0,
    }
    if traits := {trait for trait, true in present.items() if true} - root.traits:  # (3.3)
        raise EvidenceRefused("3.3", f"the root of trust is not configured to accept: {', '.join(sorted(traits))}.")
    unknown = report.policy & ~snp_report.POLICY_KNOWN or not report.policy & snp_report.POLICY_RESERVED_ONE
    if unknown or report.policy & snp_report.POLICY_MIGRATION:  # (3.4)
        raise EvidenceRefused("3.4", "the guest's policy allows migration, or has an unknown bit.")

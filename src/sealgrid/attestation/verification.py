"""Verifies evidence of every platform: the only source of VerifiedClaims."""

from collections.abc import Sequence

from sealgrid.attestation import dcap, snp
from sealgrid.attestation.evidence import Quote, TrustRoot, VerifiedClaims, check_distinct_roots
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.snp_report import REPORT_BYTES


def verify(quote: Quote, roots: Sequence[TrustRoot], *, at: int, allow_simulated: bool) -> VerifiedClaims:
    """Return the claims that a quote proves at the Unix time ``at``; raise EvidenceRefused with the number.

    The size selects the verifier: no DCAP quote has the size of an SEV-SNP report. The platform still follows from the
    root that verified: ``snp`` accepts only roots for SNP, ``dcap`` none of them. Raises InputRefused if one
    certificate is configured for incompatible platforms.
    """
    check_distinct_roots(roots)
    if len(quote.raw) == REPORT_BYTES:
        return snp.verify(quote, roots, at=at)
    others = [root for root in roots if root.platform is not Platform.SNP]
    return dcap.verify(quote, others, at=at, allow_simulated=allow_simulated)

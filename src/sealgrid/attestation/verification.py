"""The one door from untrusted evidence to verified claims, for every platform."""

from collections.abc import Sequence

from sealgrid.attestation import dcap, snp
from sealgrid.attestation.evidence import Quote, TrustRoot, VerifiedClaims, check_distinct_roots
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.snp_report import REPORT_BYTES


def verify(quote: Quote, roots: Sequence[TrustRoot], *, at: int, allow_simulated: bool) -> VerifiedClaims:
    """Return what a quote proves at the Unix time ``at``; raise EvidenceRefused with the number.

    An SEV-SNP report has one size, which no quote with its certificates has; so the size chooses who reads it. What
    platform it is from follows all the same from the root that verified: ``snp`` believes roots for SNP only, and
    ``dcap`` none of them. Raises InputRefused when one certificate is configured for platforms that it cannot be
    the root of.
    """
    check_distinct_roots(roots)
    if len(quote.raw) == REPORT_BYTES:
        return snp.verify(quote, roots, at=at)
    others = [root for root in roots if root.platform is not Platform.SNP]
    return dcap.verify(quote, others, at=at, allow_simulated=allow_simulated)

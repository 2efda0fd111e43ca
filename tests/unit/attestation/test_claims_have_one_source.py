"""Verified claims come out of dcap.verify and from nowhere else."""

from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src" / "sealgrid"


def test_only_the_verifier_makes_claims():
    makers = {path.name for path in SOURCE.rglob("*.py") if "VerifiedClaims(" in path.read_text()}
    assert makers == {"claims.py"}
    callers = {path.name for path in SOURCE.rglob("*.py") if "claims_for(" in path.read_text()}
    assert callers == {"claims.py", "dcap.py"}

"""Verified claims come out of verification.verify and from nowhere else."""

from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src" / "sealgrid"


def test_only_the_verifier_makes_claims():
    makers = {path.name for path in SOURCE.rglob("*.py") if "VerifiedClaims(" in path.read_text()}
    assert makers == {"dcap.py", "snp.py"}
    callers = {path.name for path in SOURCE.rglob("*.py") if "claims_for(" in path.read_text()}
    assert callers == {"dcap.py"}
    doors = {path.name for path in SOURCE.rglob("*.py") if {"dcap.verify(", "snp.verify("} & set(_calls(path))}
    assert doors == {"verification.py"}


def _calls(path):
    return [call for call in ("dcap.verify(", "snp.verify(") if call in path.read_text()]

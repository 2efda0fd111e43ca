"""A parsed receipt with the pins and chain evidence that it is verified against."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from sealgrid.attestation import binding, verification
from sealgrid.attestation.evidence import Collateral, Quote, VerifiedClaims
from sealgrid.attestation.facts import Facts, parse_facts
from sealgrid.errors import InputRefused
from sealgrid.receipts.consistency import report_data_of
from sealgrid.receipts.receipt import ReceiptBody, ReceiptEnvelope
from sealgrid.receipts.report import ChainEvidence, TrustPins
from sealgrid.units import Digest


@dataclass(frozen=True)
class VerificationCase:
    """Input of the steps of ``verify``; derived values are computed once."""

    envelope: ReceiptEnvelope
    pins: TrustPins
    onchain: ChainEvidence | None

    @property
    def body(self) -> ReceiptBody:
        """Return the receipt's body."""
        return self.envelope.receipt.body

    @property
    def chain(self) -> ChainEvidence:
        """Return the chain evidence; only on-line steps use it."""
        if self.onchain is None:
            raise InputRefused("this check needs the chain.")
        return self.onchain

    @cached_property
    def facts(self) -> Facts:
        """Return the enclosed facts; raise InputRefused when they are invalid."""
        return parse_facts(self.envelope.facts.encode())

    @cached_property
    def report_data(self) -> bytes:
        """Return the report data computed from the body."""
        return report_data_of(self.body)

    @cached_property
    def session(self) -> Digest:
        """Return the session computed from the body."""
        return binding.session(self.report_data)

    @cached_property
    def claims(self) -> VerifiedClaims:
        """Return the claims of the quote, verified at the first and last time of issue; raise EvidenceRefused."""
        pins = self.pins
        quote = Quote(self.body.quote, Collateral(self.body.collateral.encode()))
        issued = [signed.verdict.issued for signed in self.envelope.verdicts.values()]
        claims = [
            verification.verify(quote, pins.roots, at=at, allow_simulated=pins.allow_simulated)
            for at in sorted({min(issued), max(issued)})
        ]
        return claims[-1]


class VerificationStep(NamedTuple):
    """One check: its number, its sentence, and a function that returns a detail or raises."""

    number: int
    sentence: str
    check: Callable[[VerificationCase], str]

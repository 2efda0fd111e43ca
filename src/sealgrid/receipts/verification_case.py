"""A readable receipt beside what it is judged by."""

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
    """Everything that the steps of ``verify`` look at; what is recomputed, is recomputed once."""

    envelope: ReceiptEnvelope
    pins: TrustPins
    onchain: ChainEvidence | None

    @property
    def body(self) -> ReceiptBody:
        """Return the receipt's body."""
        return self.envelope.receipt.body

    @property
    def chain(self) -> ChainEvidence:
        """Return what the chain says; the steps that ask for it run on line only."""
        if self.onchain is None:
            raise InputRefused("this check needs the chain.")
        return self.onchain

    @cached_property
    def facts(self) -> Facts:
        """Return the enclosed facts; raise InputRefused when they are none."""
        return parse_facts(self.envelope.facts.encode())

    @cached_property
    def report_data(self) -> bytes:
        """Return the report data that follow from the body."""
        return report_data_of(self.body)

    @cached_property
    def session(self) -> Digest:
        """Return the session that follows from the body."""
        return binding.session(self.report_data)

    @cached_property
    def claims(self) -> VerifiedClaims:
        """Return what the quote proves, at the first and at the last time of issue; raise EvidenceRefused."""
        issued = {signed.verdict.issued for signed in self.envelope.verdicts.values()}
        return [self._proved(at) for at in sorted({min(issued), max(issued)})][-1]

    def _proved(self, at: int) -> VerifiedClaims:
        pins = self.pins
        quote = Quote(self.body.quote, Collateral(self.body.collateral.encode()))
        return verification.verify(quote, pins.roots, at=at, allow_simulated=pins.allow_simulated)


class VerificationStep(NamedTuple):
    """One check: its number, what it says, and how it is judged. It returns a detail or raises."""

    number: int
    sentence: str
    judge: Callable[[VerificationCase], str]

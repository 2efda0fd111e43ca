"""Untrusted evidence and verified claims, as two types: nothing turns one into the other but ``dcap.verify``."""

from dataclasses import dataclass, field
from typing import Literal

from cryptography import x509

from sealgrid.attestation.policy import Platform
from sealgrid.errors import InputRefused
from sealgrid.units import Digest

Trait = Literal["dynamic_platform", "cached_keys", "smt"]

SIMULATED_MARK = "SIMULATED"  #: stands in the subject of every certificate of a simulated platform


@dataclass(frozen=True, slots=True)
class Collateral:
    """What is needed beside a quote to judge it: certificate chains, revocation lists, TCB levels. Untrusted."""

    raw: bytes = field(repr=False)  #: JSON of dcap-qvl's QuoteCollateralV3, nine keys


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote as somebody sent it. Untrusted."""

    raw: bytes = field(repr=False)  #: SGX quote v3, TDX quote v4 or v5
    collateral: Collateral


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """One certificate authority, and the one platform that it stands for.

    ``traits`` are properties of real machines that are refused unless their operator says that they do no harm:
    packages may be added after registration (dynamic_platform), platform keys are cached at the maker (cached_keys),
    threads share a core (smt). Raises InputRefused for what is no certificate, and for a simulated authority that
    passes as real hardware.
    """

    platform: Platform
    root_ca_der: bytes = field(repr=False)
    traits: frozenset[Trait] = frozenset()

    def __post_init__(self) -> None:
        try:
            subject = x509.load_der_x509_certificate(self.root_ca_der).subject.rfc4514_string()
        except (ValueError, x509.InvalidVersion) as error:
            raise InputRefused("a trust root is a certificate in DER form.") from error
        if SIMULATED_MARK in subject and self.platform is not Platform.SIMULATED:
            raise InputRefused(f"this root is simulated and cannot stand for {self.platform.name}.")


@dataclass(frozen=True, slots=True)
class VerifiedClaims:
    """What a quote proves. Only ``dcap.verify`` makes one; a test keeps it so."""

    platform: Platform  #: follows from the root that verified
    runtime: Digest
    locked_app: Digest | None  #: None where the evidence locks no app
    report_data: bytes  #: 64 bytes
    machine: str  #: the platform's id (PPID), hex
    fmspc: str  #: the machine's family, hex
    tcb_status: str
    advisories: tuple[str, ...]
    eval_number: int  #: tcbEvaluationDataNumber of the collateral, the lower of platform's and quoting enclave's

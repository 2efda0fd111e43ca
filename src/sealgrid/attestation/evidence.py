"""Untrusted evidence and verified claims, as two types: only ``verification.verify`` turns one into the other."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from cryptography import x509

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.errors import EvidenceRefused, InputRefused
from sealgrid.units import Digest, to_bytes

Trait = Literal["dynamic_platform", "cached_keys", "smt", "provider_key", "service_module", "no_revocation_list"]
Status = Literal[
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
]

SIMULATED_MARK = "SIMULATED"  #: stands in the subject of every certificate of a simulated platform
_SHARED = frozenset({Platform.SGX, Platform.TDX})  #: what one root of Intel's stands for


@dataclass(frozen=True, slots=True)
class Collateral:
    """What is needed beside a quote to judge it: certificate chains, revocation lists, TCB levels. Untrusted."""

    raw: bytes = field(repr=False)  #: JSON: dcap-qvl's QuoteCollateralV3, or ``snp_collateral.SnpCollateral``


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote as somebody sent it. Untrusted."""

    raw: bytes = field(repr=False)  #: SGX quote v3, TDX quote v4 or v5, SEV-SNP report
    collateral: Collateral


class TcbVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parts of an AMD machine's trusted firmware; every part counts upwards."""

    bootloader: int = 0
    tee: int = 0
    snp: int = 0
    microcode: int = 0
    fmc: int = 0  #: first on Turin, not there before

    def reaches(self, floor: "TcbVersion") -> bool:
        """Return whether no part is below the floor's."""
        return all(getattr(self, part) >= getattr(floor, part) for part in self.__struct_fields__)

    def __str__(self) -> str:
        return "bootloader {} tee {} snp {} microcode {} fmc {}".format(
            *(getattr(self, p) for p in self.__struct_fields__)
        )


NO_FLOOR = TcbVersion()


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """One certificate authority, and one platform that it stands for.

    ``traits`` are properties of real machines that are refused unless their operator says that they do no harm:
    packages may be added after registration (dynamic_platform), platform keys are cached at the maker (cached_keys),
    threads share a core (smt), a cloud provider's key signs for many chips (provider_key), the system runs beneath a
    service module (service_module), nobody can show a revocation list (no_revocation_list). ``statuses`` are Intel's
    TCB statuses that pass beside UpToDate. Raises InputRefused for what is no certificate, and for a simulated
    authority that passes as real hardware.
    """

    platform: Platform
    root_ca_der: bytes = field(repr=False)
    traits: frozenset[Trait] = frozenset()
    statuses: frozenset[Status] = frozenset()
    least_tcb: TcbVersion = NO_FLOOR  #: SNP only, where the maker publishes no levels
    minimum_eval_number: int = 0  #: of the collateral

    def __post_init__(self) -> None:
        try:
            subject = load_certificate(self.root_ca_der).subject.rfc4514_string()
        except ValueError as error:
            raise InputRefused("a trust root is a certificate in DER form.") from error
        if SIMULATED_MARK in subject and self.platform is not Platform.SIMULATED:
            raise InputRefused(f"this root is simulated and cannot stand for {self.platform.name}.")


@dataclass(frozen=True, slots=True)
class VerifiedClaims:
    """What a quote proves. Only ``verification.verify`` makes one; a test keeps it so."""

    platform: Platform  #: follows from the root that verified
    measurements: tuple[bytes, ...]  #: as ``binding.runtime_identity`` takes them
    locked_app: Digest | None  #: None where the evidence locks no app
    report_data: bytes  #: 64 bytes
    machine: str  #: PPID or chip id, hex; the provider's name where its key signed
    fmspc: str  #: the machine's family: FMSPC, hex; AMD's product
    tcb_status: str  #: Intel's word; the version of AMD's firmware
    advisories: tuple[str, ...]
    eval_number: int  #: of the collateral: tcbEvaluationDataNumber, or the number of AMD's revocation list
    series: Digest  #: what ``eval_number`` counts in: the SHA-256 of the certificate whose lists these are

    def locks(self, app: Digest) -> bool:
        """Return whether nothing but this app can have asked.

        An SGX enclave has no locked field. Its measurement holds the app's files, and ``runtime_of`` names both, so
        that whoever allows the identity has paired them.
        """
        return self.platform is Platform.SGX or self.locked_app == app

    def runtime_of(self, app: Digest) -> Digest:
        """Return the identity of the runtime; on SGX that of the runtime with exactly this app in it."""
        paired = (to_bytes(app, 32),) if self.platform is Platform.SGX else ()
        return runtime_identity(self.platform, (*self.measurements, *paired))


def load_certificate(der: bytes) -> x509.Certificate:
    """Read a certificate; raise ValueError for what is none."""
    with warnings.catch_warnings():
        # AMD's leaf certificates have the serial number 0, of which cryptography warns.
        warnings.simplefilter("ignore")
        try:
            return x509.load_der_x509_certificate(der)
        except x509.InvalidVersion as error:
            raise ValueError("this is no X.509 certificate of version 3") from error


def load_chain(pem: bytes) -> list[x509.Certificate]:
    """Read certificates in PEM form, one or more; raise ValueError for what is none."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except x509.InvalidVersion as error:
        raise ValueError("this is no X.509 certificate of version 3") from error


def load_revocation_list(der: bytes) -> x509.CertificateRevocationList:
    """Read a revocation list; raise ValueError for what is none."""
    try:
        return x509.load_der_x509_crl(der)
    except x509.InvalidVersion as error:
        raise ValueError("this is no revocation list of version 2") from error


def check_distinct_roots(roots: Sequence[TrustRoot]) -> None:
    """Raise InputRefused unless each certificate stands for one platform, or one of Intel's for SGX and for TDX."""
    for certificate in {root.root_ca_der for root in roots}:
        platforms = [root.platform for root in roots if root.root_ca_der == certificate]
        if len(platforms) > 1 and sorted(platforms) != sorted(_SHARED):
            raise InputRefused("each root of trust stands for one platform; one certificate is configured twice.")


def find_roots(roots: Iterable[TrustRoot], certificate: bytes) -> list[TrustRoot]:
    """Return the configured roots of this certificate; raise EvidenceRefused (2.2) when there is none."""
    # Which root is meant is the sender's word; that it signed is proved afterwards, with this root and no other.
    if found := [root for root in roots if root.root_ca_der == certificate]:
        return found
    raise EvidenceRefused("2.2", "the quote's certificates do not end at a root of trust that is configured here.")

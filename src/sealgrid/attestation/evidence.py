"""Evidence and verified claims (RFC 9334): only ``verification.verify`` converts a Quote to VerifiedClaims."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.certificates import load_certificate
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

SIMULATED_MARK = "SIMULATED"  #: in the subject of every certificate of a simulated platform
_SHARED = frozenset({Platform.SGX, Platform.TDX})  #: platforms of one Intel root


@dataclass(frozen=True, slots=True)
class Collateral:
    """Endorsements for a quote: certificate chains, revocation lists, TCB levels. Untrusted."""

    raw: bytes = field(repr=False)  #: JSON: dcap-qvl's QuoteCollateralV3, or ``snp_collateral.SnpCollateral``


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote as received. Untrusted."""

    raw: bytes = field(repr=False)  #: SGX quote v3, TDX quote v4 or v5, SEV-SNP report
    collateral: Collateral


class TcbVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Firmware versions of an AMD machine; every part increases."""

    bootloader: int = 0
    tee: int = 0
    snp: int = 0
    microcode: int = 0
    fmc: int = 0  #: Turin and later

    def reaches(self, floor: "TcbVersion") -> bool:
        """Return whether every part is at least the floor's."""
        return all(getattr(self, part) >= getattr(floor, part) for part in self.__struct_fields__)

    def __str__(self) -> str:
        return "bootloader {} tee {} snp {} microcode {} fmc {}".format(
            *(getattr(self, p) for p in self.__struct_fields__)
        )


NO_FLOOR = TcbVersion()


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """One certificate authority and its platform.

    ``traits`` are accepted properties of machines, refused by default: packages may be added after registration
    (dynamic_platform), platform keys are cached at the manufacturer (cached_keys), threads share a core (smt), a cloud
    provider's key signs for many chips (provider_key), the guest runs below a service module (service_module), there is
    no revocation list (no_revocation_list). ``statuses`` are accepted Intel TCB statuses besides UpToDate. Raises
    InputRefused for an invalid certificate and for a simulated authority of a real platform.
    """

    platform: Platform
    root_ca_der: bytes = field(repr=False)
    traits: frozenset[Trait] = frozenset()
    statuses: frozenset[Status] = frozenset()
    least_tcb: TcbVersion = NO_FLOOR  #: SNP only, for which AMD publishes no levels
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
    """Claims that a quote proves. Only ``verification.verify`` creates them, and ``RecentQuotes`` from such ones."""

    platform: Platform  #: follows from the root that verified
    measurements: tuple[bytes, ...]  #: as ``binding.runtime_identity`` takes them
    locked_app: Digest | None  #: None if the evidence locks no app
    report_data: bytes  #: 64 bytes
    machine: str  #: PPID or chip id, hex; the provider's name if its key signed
    fmspc: str  #: family of the machine: FMSPC, hex, or AMD product
    tcb_status: str  #: Intel TCB status, or AMD firmware version
    advisories: tuple[str, ...]
    eval_number: int  #: of the collateral: tcbEvaluationDataNumber, or the number of AMD's revocation list
    series: Digest  #: series of ``eval_number``: SHA-256 of the certificate that issues the lists

    def locks(self, app: Digest) -> bool:
        """Return whether the evidence is bound to this app.

        SGX has no locked field: its measurement covers the app's files, and ``runtime_of`` identifies both together.
        """
        return self.platform is Platform.SGX or self.locked_app == app

    def runtime_of(self, app: Digest) -> Digest:
        """Return the identity of the runtime; on SGX of the runtime with this app."""
        paired = (to_bytes(app, 32),) if self.platform is Platform.SGX else ()
        return runtime_identity(self.platform, (*self.measurements, *paired))


def check_distinct_roots(roots: Sequence[TrustRoot]) -> None:
    """Raise InputRefused unless each certificate is configured for one platform, or for SGX and TDX."""
    for certificate in {root.root_ca_der for root in roots}:
        platforms = [root.platform for root in roots if root.root_ca_der == certificate]
        if len(platforms) > 1 and sorted(platforms) != sorted(_SHARED):
            raise InputRefused("each root of trust stands for one platform; one certificate is configured twice.")


def find_roots(roots: Iterable[TrustRoot], certificate: bytes) -> list[TrustRoot]:
    """Return the configured roots of this certificate; raise EvidenceRefused (2.2) if there is none."""
    # The sender names the root; the signatures are verified later against exactly this root.
    if matching := [root for root in roots if root.root_ca_der == certificate]:
        return matching
    raise EvidenceRefused("2.2", "the quote's certificates do not end at a root of trust that is configured here.")

"""Byte layout of an AMD SEV-SNP attestation report (AMD 56860, SEV-SNP ABI), little-endian."""

from dataclasses import dataclass
from enum import IntEnum

from sealgrid.attestation.evidence import TcbVersion

REPORT_BYTES = 1184
SIGNED_BYTES = 0x2A0  #: signed prefix
VERSIONS = (2, 3, 5)  #: published by AMD
ECDSA_P384_SHA384 = 1
NUMBER_BYTES = 72  #: of r and of s, little-endian

POLICY_SMT = 1 << 16
POLICY_RESERVED_ONE = 1 << 17
POLICY_MIGRATION = 1 << 18
POLICY_DEBUG = 1 << 19
POLICY_KNOWN = (1 << 26) - 1
PLATFORM_SMT = 1 << 0

_WITH_CPUID = 3  #: first version with the CPUID fields
_PRODUCTS = {
    "Milan": (0x19, range(0x10)),
    "Genoa": (0x19, (*range(0x10, 0x20), *range(0xA0, 0xB0))),
    "Turin": (0x1A, range(0x12)),
}

#: byte offsets in a TCB version
_TCB = {"bootloader": 0, "tee": 1, "snp": 6, "microcode": 7}
_TCB_TURIN = {"fmc": 0, "bootloader": 1, "tee": 2, "snp": 3, "microcode": 7}


class ReportSigningKey(IntEnum):
    """Kind of key that signed a report."""

    VCEK = 0  #: key of the chip
    VLEK = 1  #: key of a cloud provider, shared by many chips


@dataclass(frozen=True, slots=True)
class SnpReport:
    """A report as received. Untrusted."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != REPORT_BYTES:
            raise ValueError(f"a report has {REPORT_BYTES} bytes")
        if self._u32(0) not in VERSIONS or self._u32(0x34) != ECDSA_P384_SHA384:
            raise ValueError("a report of another version or signature algorithm")

    @property
    def policy(self) -> int:
        """Return the guest policy bits."""
        return self._u64(0x08)

    @property
    def vmpl(self) -> int:
        """Return the privilege level of the requester, 0 is the highest."""
        return self._u32(0x30)

    @property
    def platform_info(self) -> int:
        """Return the platform configuration bits."""
        return self._u64(0x40)

    @property
    def signing_key(self) -> int:
        """Return the kind of signing key; values outside ``ReportSigningKey`` sign nothing."""
        return self._u32(0x48) >> 2 & 0b111

    @property
    def report_data(self) -> bytes:
        """Return the 64 bytes chosen by the guest."""
        return self.raw[0x50:0x90]

    @property
    def measurement(self) -> bytes:
        """Return the launch digest, 48 bytes."""
        return self.raw[0x90:0xC0]

    @property
    def product(self) -> str | None:
        """Return the product by its CPUID; None if it is absent or unknown."""
        if self._u32(0) < _WITH_CPUID:
            return None
        family, model = self.raw[0x188], self.raw[0x189]
        return next((name for name, (own, models) in _PRODUCTS.items() if own == family and model in models), None)

    @property
    def host_data(self) -> bytes:
        """Return the 32 bytes that the host fixed at launch."""
        return self.raw[0xC0:0xE0]

    @property
    def chip_id(self) -> bytes:
        """Return the chip id, 64 bytes; zero if the machine masks it."""
        return self.raw[0x1A0:0x1E0]

    @property
    def signed(self) -> bytes:
        """Return the signed bytes."""
        return self.raw[:SIGNED_BYTES]

    def signature(self) -> tuple[int, int]:
        """Return r and s."""
        r, s = (self.raw[at : at + NUMBER_BYTES] for at in (SIGNED_BYTES, SIGNED_BYTES + NUMBER_BYTES))
        return int.from_bytes(r, "little"), int.from_bytes(s, "little")

    def reported_tcb(self, product: str) -> TcbVersion:
        """Return the firmware version that the signing key was derived for."""
        offsets = _TCB_TURIN if product == "Turin" else _TCB
        return TcbVersion(**{part: self.raw[0x180 + offset] for part, offset in offsets.items()})

    def _u32(self, at: int) -> int:
        return int.from_bytes(self.raw[at : at + 4], "little")

    def _u64(self, at: int) -> int:
        return int.from_bytes(self.raw[at : at + 8], "little")

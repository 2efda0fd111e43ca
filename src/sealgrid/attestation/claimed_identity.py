"""What a quote says of itself before anyone verified it: an enclave tells it in its receipt, nobody relies on it."""

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.quote_format import TEE_SGX, TEE_TDX
from sealgrid.attestation.snp_report import REPORT_BYTES, SnpReport
from sealgrid.units import Digest, to_bytes

_HEADER = 48
_MRENCLAVE = slice(64, 96)
_TD_REGISTERS = tuple(slice(at, at + 48) for at in (136, 328, 376, 424))  #: MRTD, RTMR0, RTMR1, RTMR2
_BODY_BYTES = 584  #: of the shortest TD report


def told_identity(raw: bytes, app: Digest) -> tuple[Platform, Digest]:
    """Return the platform and the runtime identity that a quote of real hardware names.

    Raises ValueError for bytes that are no quote.
    """
    if len(raw) == REPORT_BYTES:
        return Platform.SNP, runtime_identity(Platform.SNP, [SnpReport(raw).measurement])
    version, tee = int.from_bytes(raw[:2], "little"), int.from_bytes(raw[4:8], "little")
    if len(raw) < _HEADER + _BODY_BYTES or (version, tee) not in {(3, TEE_SGX), (4, TEE_TDX), (5, TEE_TDX)}:
        raise ValueError("this is no quote of SGX, TDX or SEV-SNP")
    if tee == TEE_SGX:
        return Platform.SGX, runtime_identity(Platform.SGX, [raw[_HEADER:][_MRENCLAVE], to_bytes(app, 32)])
    body = raw[_HEADER + 6 :] if version == 5 else raw[_HEADER:]  # version 5 says type and size first
    return Platform.TDX, runtime_identity(Platform.TDX, [body[place] for place in _TD_REGISTERS])

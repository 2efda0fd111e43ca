"""Byte layout of SGX and TDX quotes (Intel SGX DCAP and TDX DCAP quoting library API), little-endian.

A quote is header[48] ‖ report ‖ u32 length ‖ signature data.
"""

import struct

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.snp_report import REPORT_BYTES, SnpReport
from sealgrid.units import Digest, to_bytes

QE_VENDOR = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")  #: Intel's quoting enclave, required by verifiers
ECDSA_P256 = 2
TEE_SGX, TEE_TDX = 0x00, 0x81
PCK_CHAIN, QE_REPORT = 5, 6  #: types of certification data
SGX_PRODUCTION = bytes.fromhex("05000000000000000700000000000000")
QE_ATTRIBUTES = bytes.fromhex("1100000000000000e700000000000000")
TD_PRODUCTION = bytes.fromhex("0000001000000000")
TD_XFAM = bytes.fromhex("e702060000000000")
TDX_TCB_SVN = bytes([5, 1]) + bytes(14)


def header(version: int, tee: int, qe_svn: int, pce_svn: int) -> bytes:
    """Return a quote's 48-byte header."""
    return struct.pack("<HHIHH", version, ECDSA_P256, tee, qe_svn, pce_svn) + QE_VENDOR + bytes(20)


def sgx_report(
    *,
    mrenclave: bytes,
    mrsigner: bytes,
    report_data: bytes,
    cpu_svn: bytes,
    attributes: bytes = SGX_PRODUCTION,
    product: int = 0,
    svn: int = 0,
) -> bytes:
    """Return an SGX report body, 384 bytes."""
    body = b"".join(
        (
            cpu_svn,
            bytes(4),
            bytes(28),
            attributes,
            mrenclave,
            bytes(32),
            mrsigner,
            bytes(96),
            struct.pack("<HH", product, svn),
            bytes(60),
            report_data,
        )
    )
    return _sized(body, 384)


def td_report(*, mrtd: bytes, mrconfigid: bytes, report_data: bytes, attributes: bytes = TD_PRODUCTION) -> bytes:
    """Return a TDX 1.0 report body, 584 bytes; run-time registers, owner and module's signer are zero."""
    body = b"".join(
        (
            TDX_TCB_SVN,
            bytes(48),
            bytes(48),
            bytes(8),
            attributes,
            TD_XFAM,
            mrtd,
            mrconfigid,
            bytes(48),
            bytes(48),
            bytes(4 * 48),
            report_data,
        )
    )
    return _sized(body, 584)


def certification(kind: int, data: bytes) -> bytes:
    """Return typed certification data."""
    return struct.pack("<HI", kind, len(data)) + data


def quoting_enclave(report: bytes, signature: bytes, auth: bytes, chain: bytes) -> bytes:
    """Return the quoting enclave's signed report, its authentication data and its certificates."""
    return report + signature + struct.pack("<H", len(auth)) + auth + certification(PCK_CHAIN, chain)


def quote(signed: bytes, signature: bytes) -> bytes:
    """Return a whole quote from header ‖ report and its signature data."""
    return signed + struct.pack("<I", len(signature)) + signature


def _sized(body: bytes, size: int) -> bytes:
    if len(body) != size:
        raise ValueError(f"a report of {len(body)} bytes has a field of the wrong size; it must have {size}")
    return body


_HEADER = 48
_MRENCLAVE = slice(64, 96)
_TD_REGISTERS = tuple(slice(at, at + 48) for at in (136, 328, 376, 424))  #: MRTD, RTMR0, RTMR1, RTMR2
_BODY_BYTES = 584  #: of the shortest TD report


def claimed_identity(raw: bytes, app: Digest) -> tuple[Platform, Digest]:
    """Return the platform and runtime identity that a quote of real hardware claims, unverified.

    Enclaves put it into receipts; nothing relies on it. Raises ValueError if the bytes are not a quote.
    """
    if len(raw) == REPORT_BYTES:
        return Platform.SNP, runtime_identity(Platform.SNP, [SnpReport(raw).measurement])
    version, tee = int.from_bytes(raw[:2], "little"), int.from_bytes(raw[4:8], "little")
    if len(raw) < _HEADER + _BODY_BYTES or (version, tee) not in {(3, TEE_SGX), (4, TEE_TDX), (5, TEE_TDX)}:
        raise ValueError("the bytes are not a quote of SGX, TDX or SEV-SNP")
    if tee == TEE_SGX:
        return Platform.SGX, runtime_identity(Platform.SGX, [raw[_HEADER:][_MRENCLAVE], to_bytes(app, 32)])
    body = raw[_HEADER + 6 :] if version == 5 else raw[_HEADER:]  # version 5 starts with type and size
    return Platform.TDX, runtime_identity(Platform.TDX, [body[register] for register in _TD_REGISTERS])

"""Byte layout of an SEV-SNP report: sizes, versions, products and the order of firmware parts."""

import pytest

from sealgrid.attestation.evidence import TcbVersion
from sealgrid.attestation.snp_report import REPORT_BYTES, SnpReport

RAW = bytearray(REPORT_BYTES)
RAW[0] = 3
RAW[0x34] = 1


def report(changes: dict[int, bytes]) -> SnpReport:
    raw = bytearray(RAW)
    for at, value in changes.items():
        raw[at : at + len(value)] = value
    return SnpReport(bytes(raw))


@pytest.mark.parametrize("raw", [b"", bytes(RAW[:-1]), bytes(RAW) + b"\0"])
def test_another_size_is_no_report(raw: bytes) -> None:
    with pytest.raises(ValueError, match="has 1184 bytes"):
        SnpReport(raw)


@pytest.mark.parametrize("changes", [{0: b"\4"}, {0: b"\1"}, {0x34: b"\2"}])
def test_another_version_or_signature_algorithm_is_no_report(changes: dict[int, bytes]) -> None:
    with pytest.raises(ValueError, match="another version"):
        report(changes)


@pytest.mark.parametrize(
    ("version", "cpuid", "product"),
    [
        (3, b"\x19\x01", "Milan"),
        (3, b"\x19\x11", "Genoa"),
        (5, b"\x19\xa0", "Genoa"),
        (5, b"\x1a\x02", "Turin"),
        (3, b"\x1b\x00", None),
        (2, b"\x19\x01", None),
    ],
)
def test_the_processor_names_its_product_from_version_3_on(version: int, cpuid: bytes, product: str | None) -> None:
    assert report({0: bytes([version]), 0x188: cpuid}).product == product


def test_turin_orders_its_firmware_otherwise() -> None:
    made = report({0x180: bytes(range(1, 9))})
    assert made.reported_tcb("Milan") == TcbVersion(bootloader=1, tee=2, snp=7, microcode=8)
    assert made.reported_tcb("Turin") == TcbVersion(fmc=1, bootloader=2, tee=3, snp=4, microcode=8)

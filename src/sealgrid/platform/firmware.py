"""Expected measurements of confidential guests from firmware and kernel: MRTD (TDX), launch digest (SEV-SNP)."""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sevsnpmeasure.guest import calc_launch_digest  # type: ignore[import-untyped]
from sevsnpmeasure.ovmf import OVMF  # type: ignore[import-untyped]
from sevsnpmeasure.sev_mode import SevMode  # type: ignore[import-untyped]
from sevsnpmeasure.vcpu_types import CPU_SIGS  # type: ignore[import-untyped]

from sealgrid.errors import InputRefused

TDX_METADATA = "e47a6535-984a-4798-865e-4685a7bf8ec2"  #: GUID of the entry with the offset of TDVF's metadata
PAGE, CHUNK = 4096, 256
MEASURED, ADDED_LATER = 1 << 0, 1 << 1  #: attributes of a section
MAX_SECTIONS, MAX_BYTES = 64, 1 << 30
GUEST_FEATURES = 1  #: SEV_FEATURES of QEMU's guests: SNP active, nothing else
_SECTION = struct.Struct("<IIQQII")
_HEADER = struct.Struct("<4sIII")


@dataclass(frozen=True, slots=True)
class FirmwareSection:
    """One section of TDVF, which the host copies into guest memory (TDX Virtual Firmware Design Guide, 11.2)."""

    content: bytes  #: from the file; padded with zeros to ``size``
    address: int
    size: int
    attributes: int


@dataclass(frozen=True, slots=True)
class SnpBoot:
    """Measured inputs of a direct QEMU boot of an SEV-SNP guest."""

    firmware: Path
    kernel: Path
    initrd: Path
    cmdline: str
    cpus: int
    cpu: str = "EPYC-v4"


def mrtd(firmware: Path) -> bytes:
    """Return the MRTD of a TD with this firmware, 48 bytes; raise InputRefused for an invalid file.

    TDX Module ABI: per page "MEM.PAGE.ADD" ‖ its address, and for measured sections per 256 bytes "MR.EXTEND" ‖ its
    address ‖ the bytes; page by page in the order of the metadata, as Linux's KVM and QEMU launch.
    """
    digest = hashlib.sha384()
    for section in tdvf_sections(firmware):
        for offset in range(0, section.size, PAGE):
            if not section.attributes & ADDED_LATER:
                digest.update(_record(b"MEM.PAGE.ADD", section.address + offset))
            if section.attributes & MEASURED:
                page = section.content[offset : offset + PAGE].ljust(PAGE, b"\0")
                for at in range(0, PAGE, CHUNK):
                    digest.update(_record(b"MR.EXTEND", section.address + offset + at))
                    digest.update(page[at : at + CHUNK])
    return digest.digest()


def tdvf_sections(firmware: Path) -> list[FirmwareSection]:
    """Return the sections in the firmware's TDX metadata; raise InputRefused if there are none."""
    raw = _read_firmware(firmware)
    try:
        table = OVMF(str(firmware)).table_item(TDX_METADATA)
        start = len(raw) - int.from_bytes(table[:4], "little")
        return list(_sections(raw, start))
    except (KeyError, ValueError, RuntimeError, struct.error) as error:
        raise InputRefused(f"{firmware} is not a valid firmware for TDX guests.", money="") from error


def launch_digest(boot: SnpBoot) -> bytes:
    """Return the launch digest of an SEV-SNP guest, 48 bytes; raise InputRefused for invalid inputs.

    SEV-SNP ABI, SNP_LAUNCH_UPDATE, by sev-snp-measure: firmware, the hashes of kernel, initrd and command line, and the
    first state of every processor.
    """
    if boot.cpu not in CPU_SIGS:
        raise InputRefused(f"{boot.cpu!r} is not an AMD processor of QEMU: {', '.join(CPU_SIGS)}.", money="")
    for path in (boot.firmware, boot.kernel, boot.initrd):
        _read_firmware(path)
    try:
        digest: bytes = calc_launch_digest(
            SevMode.SEV_SNP,
            boot.cpus,
            CPU_SIGS[boot.cpu],
            str(boot.firmware),
            str(boot.kernel),
            str(boot.initrd),
            boot.cmdline,
            GUEST_FEATURES,
        )
    except (ValueError, RuntimeError, KeyError, AssertionError) as error:
        raise InputRefused(f"{boot.firmware} cannot start a measured SEV-SNP guest: {error}.", money="") from error
    return digest


def _sections(raw: bytes, start: int) -> Iterator[FirmwareSection]:
    magic, _, version, count = _HEADER.unpack_from(raw, start)
    if magic != b"TDVF" or version != 1 or not 0 < count <= MAX_SECTIONS:
        raise ValueError("its metadata have another format")
    for number in range(count):
        position = start + _HEADER.size + number * _SECTION.size
        offset, length, address, size, _, attributes = _SECTION.unpack_from(raw, position)
        valid = offset + length <= len(raw) and length <= size <= MAX_BYTES and not size % PAGE
        if not valid:
            raise ValueError("a section lies outside of the file")
        yield FirmwareSection(raw[offset : offset + length], address, size, attributes)


def _record(name: bytes, address: int) -> bytes:
    return name.ljust(16, b"\0") + address.to_bytes(8, "little") + bytes(104)


def _read_firmware(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}).", money="") from error

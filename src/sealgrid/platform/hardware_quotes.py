"""Quotes of confidential hardware: TDX and SEV-SNP guests by configfs-tsm, SGX enclaves by Gramine's pseudo-files.

Linux: Documentation/ABI/testing/configfs-tsm-report, 6.7 or newer. Gramine: documentation, "Attestation".
"""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sealgrid.attestation.binding import REPORT_DATA_BYTES
from sealgrid.errors import HostFailed

REPORTS = Path("/sys/kernel/config/tsm/report")
PROVIDERS = {"tdx_guest": "TDX", "sev_guest": "SEV-SNP"}


@dataclass(frozen=True, slots=True)
class RawQuote:
    """A quote from the hardware, unverified."""

    raw: bytes
    certificates: bytes = b""  #: SEV-SNP only: certificate table of the host, often empty


class ConfigfsTsm:
    """Linux's attestation interface; ``root`` is its directory of reports."""

    def __init__(self, root: Path = REPORTS, new_name: Callable[[], str] = lambda: secrets.token_hex(8)) -> None:
        self._files, self._new_name = KernelAttributes(root), new_name

    def is_available(self) -> bool:
        """Return whether the kernel has the interface."""
        return self._files.exists()

    def quote(self, report_data: bytes) -> RawQuote:
        """Return a quote over exactly 64 bytes.

        (1) Create a directory, which the kernel fills with attributes. (2) Check that the provider is known. (3) Write
        the report data, which increments the generation. (4) Read the quote. (5) Check the generation: no other process
        wrote in between. Raises HostFailed with the step; the directory is always removed.
        """
        if len(report_data) != REPORT_DATA_BYTES:
            raise ValueError(f"report data have {REPORT_DATA_BYTES} bytes")
        name = f"sealgrid-{self._new_name()}"
        try:
            self._files.make(name)  # (1)
        except OSError as error:
            raise HostFailed(f"the kernel's attestation interface refuses a request (1): {error.strerror}.") from error
        try:
            return self._read_quote(name, report_data)
        except OSError as error:
            raise HostFailed(f"the kernel's attestation interface failed: {error}.") from error
        finally:
            self._files.remove(name)

    def _read_quote(self, name: str, report_data: bytes) -> RawQuote:
        provider = self._files.read(f"{name}/provider").decode("ascii", "replace").strip()
        if provider not in PROVIDERS:  # (2)
            raise HostFailed(f"the kernel attests as {provider!r} (2); known are {', '.join(PROVIDERS)}.")
        before = self._generation(name)
        self._files.write(f"{name}/inblob", report_data)  # (3)
        raw = self._files.read(f"{name}/outblob")  # (4)
        auxiliary = f"{name}/auxblob"
        certificates = self._files.read(auxiliary) if self._files.exists(auxiliary) else b""
        if self._generation(name) != before + 1:  # (5)
            raise HostFailed("another process used the same request for a quote (5); the quote is discarded.")
        return RawQuote(raw, certificates)

    def _generation(self, name: str) -> int:
        generation = self._files.read(f"{name}/generation").strip()
        if not generation.isdigit():
            raise HostFailed("the kernel's attestation interface does not count its generations.")
        return int(generation)


MAX_BYTES = 1 << 20  #: of one attribute; the largest, a certificate table, has less than 32 KiB


class KernelAttributes:
    """Attribute files of a kernel file system below ``root``; each write is one system call."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def exists(self, name: str = ".") -> bool:
        """Return whether the file or directory exists."""
        return (self.root / name).exists()

    def make(self, name: str) -> None:
        """Create a directory, which the kernel fills; raise OSError."""
        (self.root / name).mkdir(mode=0o700)

    def remove(self, name: str) -> None:
        """Remove a directory and its attributes; no error if it does not exist."""
        with suppress(FileNotFoundError):
            (self.root / name).rmdir()

    def write(self, name: str, value: bytes) -> None:
        """Write an attribute in one call; raise OSError, also for a partial write."""
        file = os.open(self.root / name, os.O_WRONLY | os.O_CLOEXEC)
        try:
            if os.write(file, value) != len(value):
                raise OSError(f"{name} accepted only a part of the written bytes")
        finally:
            os.close(file)

    def read(self, name: str) -> bytes:
        """Return a whole attribute; raise OSError."""
        file = os.open(self.root / name, os.O_RDONLY | os.O_CLOEXEC)
        parts = bytearray()
        try:
            while part := os.read(file, 1 << 16):
                parts += part
                if len(parts) > MAX_BYTES:
                    raise OSError(f"{name} does not end")
        finally:
            os.close(file)
        return bytes(parts)


ATTESTATION = Path("/dev/attestation")


class GramineAttestation:
    """Gramine's attestation interface inside an SGX enclave; ``root`` is its directory."""

    def __init__(self, root: Path = ATTESTATION) -> None:
        self._files = KernelAttributes(root)

    def is_available(self) -> bool:
        """Return whether this process runs under Gramine with attestation."""
        return self._files.exists("attestation_type")

    def quote(self, report_data: bytes) -> RawQuote:
        """Return a DCAP quote over exactly 64 bytes; raise HostFailed if this enclave cannot quote."""
        if len(report_data) != REPORT_DATA_BYTES:
            raise ValueError(f"report data have {REPORT_DATA_BYTES} bytes")
        try:
            kind = self._files.read("attestation_type").decode("ascii", "replace").strip()
            if kind != "dcap":
                raise HostFailed(f'Gramine attests as {kind!r}; set sgx.remote_attestation = "dcap" in the manifest.')
            self._files.write("user_report_data", report_data)
            return RawQuote(self._files.read("quote"))
        except OSError as error:
            raise HostFailed(f"Gramine's attestation interface failed: {error}.") from error

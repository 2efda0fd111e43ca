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
    """What the hardware gave; untrusted like any quote until it is verified."""

    raw: bytes
    certificates: bytes = b""  #: SEV-SNP only: the table that the host has handed to the guest, often empty


class ConfigfsTsm:
    """The kernel's interface for attestation; ``root`` is its directory of reports."""

    def __init__(self, root: Path = REPORTS, name: Callable[[], str] = lambda: secrets.token_hex(8)) -> None:
        self._files, self._name = KernelAttributes(root), name

    def there(self) -> bool:
        """Return whether this kernel has the interface."""
        return self._files.there()

    def quote(self, report_data: bytes) -> RawQuote:
        """Return a quote over exactly 64 bytes.

        (1) A directory of our own is made, which the kernel fills with attributes. (2) The provider is one that we
        know. (3) The report data go in, which counts the generation up by one. (4) The quote comes out. (5) The
        generation is still ours: nobody else wrote in between, so the quote is over our bytes. Raises HostFailed with
        the step; the directory is removed in any case.
        """
        if len(report_data) != REPORT_DATA_BYTES:
            raise ValueError(f"report data have {REPORT_DATA_BYTES} bytes")
        ours = f"sealgrid-{self._name()}"
        try:
            self._files.make(ours)  # (1)
        except OSError as error:
            raise HostFailed(f"the kernel's attestation interface refuses a request (1): {error.strerror}.") from error
        try:
            return self._ask(ours, report_data)
        except OSError as error:
            raise HostFailed(f"the kernel's attestation interface failed: {error}.") from error
        finally:
            self._files.remove(ours)

    def _ask(self, ours: str, report_data: bytes) -> RawQuote:
        provider = self._files.read(f"{ours}/provider").decode("ascii", "replace").strip()
        if provider not in PROVIDERS:  # (2)
            raise HostFailed(f"the kernel attests as {provider!r} (2); known are {', '.join(PROVIDERS)}.")
        before = self._generation(ours)
        self._files.write(f"{ours}/inblob", report_data)  # (3)
        raw = self._files.read(f"{ours}/outblob")  # (4)
        auxiliary = f"{ours}/auxblob"
        certificates = self._files.read(auxiliary) if self._files.there(auxiliary) else b""
        if self._generation(ours) != before + 1:  # (5)
            raise HostFailed("somebody else used our request for a quote (5); the quote is not believed.")
        return RawQuote(raw, certificates)

    def _generation(self, ours: str) -> int:
        said = self._files.read(f"{ours}/generation").strip()
        if not said.isdigit():
            raise HostFailed("the kernel's attestation interface does not count its generations.")
        return int(said)


MOST_BYTES = 1 << 20  #: of one attribute; the largest real one, a certificate table, has less than 32 KiB


class KernelAttributes:
    """The attribute files below one directory of a kernel's file system; ``root`` is a real one or a test's."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def there(self, name: str = ".") -> bool:
        """Return whether there is such a file or directory."""
        return (self.root / name).exists()

    def make(self, name: str) -> None:
        """Make a directory, which the kernel fills; raise OSError."""
        (self.root / name).mkdir(mode=0o700)

    def remove(self, name: str) -> None:
        """Remove a directory with what the kernel put into it; one that is gone is no error."""
        with suppress(FileNotFoundError):
            (self.root / name).rmdir()

    def write(self, name: str, value: bytes) -> None:
        """Write an attribute in one call; raise OSError, also when not all of it was taken."""
        file = os.open(self.root / name, os.O_WRONLY | os.O_CLOEXEC)
        try:
            if os.write(file, value) != len(value):
                raise OSError(f"{name} took only a part of what was written")
        finally:
            os.close(file)

    def read(self, name: str) -> bytes:
        """Return a whole attribute; raise OSError."""
        file = os.open(self.root / name, os.O_RDONLY | os.O_CLOEXEC)
        parts = bytearray()
        try:
            while part := os.read(file, 1 << 16):
                parts += part
                if len(parts) > MOST_BYTES:
                    raise OSError(f"{name} does not end")
        finally:
            os.close(file)
        return bytes(parts)


ATTESTATION = Path("/dev/attestation")


class GramineAttestation:
    """Gramine's interface, which exists inside an enclave only; ``root`` is its directory."""

    def __init__(self, root: Path = ATTESTATION) -> None:
        self._files = KernelAttributes(root)

    def there(self) -> bool:
        """Return whether this process runs under Gramine with attestation."""
        return self._files.there("attestation_type")

    def quote(self, report_data: bytes) -> RawQuote:
        """Return a DCAP quote over exactly 64 bytes; raise HostFailed when this enclave makes none."""
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

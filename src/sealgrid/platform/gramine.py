"""Quotes of an SGX enclave under Gramine, from its pseudo-files (Gramine's documentation, "Attestation")."""

from pathlib import Path

from sealgrid.attestation.binding import REPORT_DATA_BYTES
from sealgrid.errors import HostFailed
from sealgrid.platform.configfs_tsm import RawQuote
from sealgrid.platform.kernel_attributes import KernelAttributes

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

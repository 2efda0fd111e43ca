"""The settings file of a platform: this machine's confidential hardware, and where its collateral comes from."""

from pathlib import Path
from typing import Final

import msgspec

from sealgrid.attestation.evidence import TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.errors import InputRefused
from sealgrid.platform.hardware import HardwareConfig
from sealgrid.platform.image import measure
from sealgrid.platform.image_contents import interpreter_version
from sealgrid.storage.atomic_file import write_file
from sealgrid.units import Digest, to_digest
from sealgrid.wire.service_access import LOOPBACK, ServiceAccess
from sealgrid.wire.settings_file import require_new, toml

INTEL: Final = "https://api.trustedservices.intel.com"
AMD: Final = "https://kdsintf.amd.com"


class PlatformFile(ServiceAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The TOML file. Paths are relative to its folder."""

    launch: Path  #: launch.sh of the recipe, beside the runtime's folder
    runtime: Digest  #: its identity
    platform: str  #: sgx, tdx, snp or simulated
    vendor_root: Path  #: certificate of the root of this machine's vendor, DER
    host: str = LOOPBACK  #: address to listen on; who reaches it launches enclaves
    port: int = 8566
    intel: str = INTEL  #: Intel's collateral service, or a PCCS
    amd: str = AMD  #: AMD's key service
    cache: Path = Path("collateral")  #: folder

    def root(self, base: Path) -> TrustRoot:
        """Return the root of the file in ``base``; raise InputRefused for an unknown platform or no certificate."""
        try:
            return TrustRoot(Platform[self.platform.upper()], (base / self.vendor_root).read_bytes())
        except KeyError as error:
            raise InputRefused(f"{self.platform!r} is not a platform; use sgx, tdx, snp or simulated.") from error
        except OSError as error:
            raise InputRefused(f"{self.vendor_root} cannot be read ({error.strerror}).") from error

    def config(self, base: Path) -> HardwareConfig:
        """Return the settings of the platform whose file is in ``base``; raise InputRefused for an unusable one."""
        trusted, launch = self.root(base), (base / self.launch).absolute()
        try:
            runtime = to_digest(self.runtime)
        except ValueError as error:
            raise InputRefused(f"{self.runtime[:80]!r} is not a valid runtime identity.") from error
        files = measure(launch.parent / "runtime")
        return HardwareConfig(
            trusted.platform,
            launch,
            runtime,
            trusted.root_ca_der,
            len(files),
            interpreter_version(files),
            self.relative_to(base),
        )


def create_platform_file(path: Path, launch: Path, runtime: Digest, platform: Platform, root_ca_der: bytes) -> None:
    """Write a platform's settings with their defaults, and the root beside them; raise InputRefused if they exist."""
    require_new(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Named after the file: another platform's file may be in this folder.
    certificate = path.with_name(f"{path.stem}-root.der")
    write_file(certificate, root_ca_der, mode=0o644)
    file = PlatformFile(
        launch=launch.absolute(),
        runtime=runtime,
        platform=platform.name.lower(),
        vendor_root=Path(certificate.name),
        cache=Path(f"{path.stem}-collateral"),
    )
    own = set(PlatformFile.__struct_fields__) - set(ServiceAccess.__struct_fields__)
    values = {name: value for name, value in msgspec.structs.asdict(file).items() if name in own | {"admin"}}
    lines = [f"{name} = {toml(value)}" for name, value in values.items()]
    write_file(path, ("\n".join([_HEAD, *lines]) + "\n").encode(), replace=False)


_HEAD: Final = "# Settings of a platform; docs/howto/real-hardware.md explains them. `sealgrid platform run` runs it."

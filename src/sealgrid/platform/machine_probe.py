"""Probes this machine for a worker: hardware, kernel interfaces, requirements of the sandbox."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sealgrid.attestation.policy import Platform

#: first kernels with configfs-tsm, TDX hosts, SEV-SNP hosts, the SGX driver
_TSM, _TDX_HOST, _SNP_HOST, _SGX = (6, 7), (6, 16), (6, 11), (5, 11)


@dataclass(frozen=True, slots=True)
class ProbeFinding:
    """Result of one probe."""

    name: str
    found: bool
    detail: str  #: location, or how to install it


@dataclass(frozen=True, slots=True)
class MachineProbe:
    """Probes a machine by its files below ``root``, normally ``/``."""

    root: Path
    release: str  #: kernel release, as in ``uname -r``
    which: Callable[[str], str | None] = shutil.which

    @classmethod
    def this(cls) -> "MachineProbe":
        """Return the probe of this machine."""
        return cls(Path("/"), os.uname().release)

    @property
    def kernel(self) -> tuple[int, int]:
        """Return the kernel version; (0, 0) if it is unknown."""
        numbers = self.release.split("-")[0].split(".")
        return (
            (int(numbers[0]), int(numbers[1])) if len(numbers) > 1 and all(n.isdigit() for n in numbers[:2]) else (0, 0)
        )

    def requirements(self) -> dict[Platform, tuple[ProbeFinding, ...]]:
        """Return the requirements of each platform; it is ready if all are found."""
        return {
            Platform.SGX: (
                self._kernel("the SGX driver", _SGX),
                self._file(
                    "SGX enclaves", "dev/sgx_enclave", "enable SGX in the firmware, with flexible launch control"
                ),
                self._file("SGX attestation", "dev/sgx_provision", "comes with the driver; add this user to sgx_prv"),
                self._program("Gramine", "gramine-sgx", "install Gramine from its makers' package source"),
            ),
            Platform.TDX: self._host("TDX", "kvm_intel/parameters/tdx", _TDX_HOST),
            Platform.SNP: self._host("SEV-SNP", "kvm_amd/parameters/sev_snp", _SNP_HOST),
            Platform.SIMULATED: (
                self._program("bubblewrap", "bwrap", "install it with: sudo apt-get install bubblewrap"),
                self._namespaces(),
                self._cgroups(),
            ),
        }

    def guest_interfaces(self) -> tuple[ProbeFinding, ...]:
        """Return the interfaces of a confidential guest or enclave, if this machine is one."""
        report = "sys/kernel/config/tsm/report"
        return (
            self._file("TDX guest", "dev/tdx_guest", "not one; a worker's own machine need not be"),
            self._file("SEV-SNP guest", "dev/sev-guest", "not one; a worker's own machine need not be"),
            self._file("configfs-tsm", report, f"inside a guest: Linux {_text(_TSM)} or newer, configfs mounted"),
            self._file("Gramine", "dev/attestation", "there only inside an enclave that Gramine runs"),
        )

    def _host(self, name: str, parameter: str, first: tuple[int, int]) -> tuple[ProbeFinding, ...]:
        enabled = self._read(f"sys/module/{parameter}") in {"Y", "1"}
        module = parameter.partition("/")[0]
        instruction = f"enable {name} in the firmware, and load {module} with {parameter.rpartition('/')[2]}=1"
        return (
            self._kernel(f"{name} hosts", first),
            ProbeFinding(f"{name} in KVM", enabled, f"/sys/module/{parameter}" if enabled else instruction),
            self._file("KVM", "dev/kvm", "enable virtualisation in the firmware"),
            self._file("vsock", "dev/vhost-vsock", "modprobe vhost_vsock"),
            self._program("QEMU", "qemu-system-x86_64", "install it with: sudo apt-get install qemu-system-x86"),
        )

    def _namespaces(self) -> ProbeFinding:
        most = self._read("proc/sys/user/max_user_namespaces") or "0"
        off = self._read("proc/sys/kernel/unprivileged_userns_clone") == "0"
        restricted = self._read("proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1"
        if most == "0" or off:
            return ProbeFinding("user namespaces", False, "sysctl user.max_user_namespaces=15000")
        if restricted:
            return ProbeFinding(
                "user namespaces", False, "AppArmor keeps them from bwrap; give it a profile with `userns,`"
            )
        return ProbeFinding("user namespaces", True, f"up to {most}")

    def _cgroups(self) -> ProbeFinding:
        unified = (self._read("sys/fs/cgroup/cgroup.controllers") or "").split()
        if {"memory", "pids"} <= set(unified):
            return ProbeFinding("cgroups", True, "version 2 with memory and pids")
        if all((self.root / "sys/fs/cgroup" / name).is_dir() for name in ("memory", "pids")):
            return ProbeFinding("cgroups", True, "version 1 with memory and pids")
        return ProbeFinding("cgroups", False, "mount cgroup2 with the controllers memory and pids")

    def _kernel(self, feature: str, first: tuple[int, int]) -> ProbeFinding:
        requirement = f"{feature}: Linux {_text(first)} or newer"
        return ProbeFinding("kernel", self.kernel >= first, self.release if self.kernel >= first else requirement)

    def _file(self, name: str, path: str, instruction: str) -> ProbeFinding:
        found = (self.root / path).exists()
        return ProbeFinding(name, found, f"/{path}" if found else instruction)

    def _program(self, name: str, program: str, instruction: str) -> ProbeFinding:
        path = self.which(program)
        return ProbeFinding(name, path is not None, path or instruction)

    def _read(self, path: str) -> str | None:
        try:
            return (self.root / path).read_text().strip()
        except OSError:
            return None


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"

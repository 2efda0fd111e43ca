"""What a worker's machine offers, over directories that look like machines."""

import pytest

from sealgrid.attestation.policy import Platform
from sealgrid.platform.machine_probe import MachineProbe

SANDBOX = {"proc/sys/user/max_user_namespaces": "15000", "sys/fs/cgroup/cgroup.controllers": "cpu memory pids"}
TDX = {"sys/module/kvm_intel/parameters/tdx": "Y\n", "dev/kvm": "", "dev/vhost-vsock": ""}
SNP = {"sys/module/kvm_amd/parameters/sev_snp": "Y\n", "dev/kvm": "", "dev/vhost-vsock": ""}
SGX = {"dev/sgx_enclave": "", "dev/sgx_provision": ""}


@pytest.fixture
def machine(tmp_path):
    def build(files, release="6.17.0-1-generic", programs=("bwrap", "qemu-system-x86_64", "gramine-sgx")):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return MachineProbe(tmp_path, release, lambda name: f"/usr/bin/{name}" if name in programs else None)

    return build


def missing(machine, platform):
    return [each.name for each in machine.requirements()[platform] if not each.found]


@pytest.mark.parametrize(
    ("platform", "files"),
    [(Platform.TDX, TDX), (Platform.SNP, SNP), (Platform.SGX, SGX), (Platform.SIMULATED, SANDBOX)],
)
def test_a_machine_with_everything_is_ready_for_its_platform_and_no_other(machine, platform, files):
    ready = [each for each in Platform if not missing(machine(files), each)]
    assert ready == [platform]


@pytest.mark.parametrize("gone", sorted(TDX))
def test_each_missing_part_is_named_with_the_way_to_get_it(machine, gone):
    found = machine({name: content for name, content in TDX.items() if name != gone})
    (lacking,) = [each for each in found.requirements()[Platform.TDX] if not each.found]
    assert lacking.detail
    assert gone not in lacking.detail


@pytest.mark.parametrize(
    ("platform", "files", "release", "first"),
    [
        (Platform.TDX, TDX, "6.15.9", "6.16"),
        (Platform.SNP, SNP, "6.8.0-41-generic", "6.11"),
        (Platform.SGX, SGX, "5.10.0", "5.11"),
        (Platform.SGX, SGX, "strange", "5.11"),
    ],
)
def test_a_kernel_that_is_too_old_is_named_with_the_one_that_is_needed(machine, platform, files, release, first):
    (lacking,) = [each for each in machine(files, release).requirements()[platform] if not each.found]
    assert lacking.name == "kernel"
    assert first in lacking.detail


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"proc/sys/user/max_user_namespaces": "0"}, "user namespaces"),
        ({"proc/sys/kernel/unprivileged_userns_clone": "0"}, "user namespaces"),
        ({"proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1"}, "user namespaces"),
        ({"sys/fs/cgroup/cgroup.controllers": "hugetlb"}, "cgroups"),
    ],
)
def test_what_keeps_an_apps_sandbox_from_working_is_named(machine, change, what):
    assert missing(machine(SANDBOX | change), Platform.SIMULATED) == [what]


def test_cgroups_of_the_first_version_count(machine):
    first = {"sys/fs/cgroup/memory/tasks": "", "sys/fs/cgroup/pids/tasks": ""}
    usual = {"proc/sys/user/max_user_namespaces": "15000"}
    assert missing(machine(usual | first), Platform.SIMULATED) == []


def test_a_confidential_guest_is_found(machine):
    guest = machine({"dev/tdx_guest": "", "sys/kernel/config/tsm/report/x": ""})
    assert [each.name for each in guest.guest_interfaces() if each.found] == ["TDX guest", "configfs-tsm"]


def test_this_machine_is_probed():
    assert MachineProbe.this().kernel > (0, 0)
    assert all(each.detail for needs in MachineProbe.this().requirements().values() for each in needs)

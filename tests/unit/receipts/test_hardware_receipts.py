"""Receipts of hardware platforms verify by the same checks as those of the simulated one."""

from dataclasses import replace

import pytest

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.receipts.verify import verify
from sealgrid.units import to_bytes, to_digest
from tests.unit.attestation import hardware_machines as hardware
from tests.unit.attestation.snp_machine import MEASUREMENT, SnpMachine
from tests.unit.receipts.receipt_scene import APP, PINS, Job

OTHER_APP = to_digest(b"\xee" * 32)
AMD = SnpMachine()


class Sgx:
    """An enclave that has no locked field."""

    platform, root = Platform.SGX, hardware.root(Platform.SGX)

    def quote(self, _mrtd, _config, data):
        return hardware.quote(Platform.SGX, report_data=data)

    def identity(self, app=APP):
        return runtime_identity(Platform.SGX, [hardware.MRENCLAVE, to_bytes(app, 32)])


class Tdx:
    """A TD; its app is in MRCONFIGID."""

    platform, root = Platform.TDX, hardware.root(Platform.TDX)

    def quote(self, mrtd, config, data):
        return hardware.quote(Platform.TDX, report_data=data, mrtd=mrtd, mrconfigid=config)

    def identity(self, _app=APP):
        return runtime_identity(Platform.TDX, [hardware.MRTD, bytes(48), bytes(48), bytes(48)])


class Snp:
    """A guest; its app is in HOST_DATA."""

    platform, root = Platform.SNP, AMD.root

    def quote(self, _mrtd, config, data):
        return AMD.quote(report_data=data, host_data=config[:32])

    def identity(self, _app=APP):
        return runtime_identity(Platform.SNP, [MEASUREMENT])


def job(machine, identity=None, **how):
    return Job(quoter=machine, body={"platform": machine.platform, "runtime": identity or machine.identity()}, **how)


def failed(machine, made):
    pins = replace(PINS, roots=(machine.root,), runtimes=frozenset({machine.identity()}), allow_simulated=False)
    report = verify(made.encode(), pins)
    return None if report.ok else report.failed.number


every = pytest.mark.parametrize("machine", [Sgx(), Tdx(), Snp()], ids=lambda machine: machine.platform.name)


@every
def test_a_receipt_of_hardware_is_valid(machine):
    assert failed(machine, job(machine)) is None


@every
def test_11_a_receipt_that_names_another_runtime_is_refused(machine):
    assert failed(machine, job(machine, OTHER_APP)) == 11


def test_11_on_sgx_the_enclave_alone_is_no_runtime():
    assert failed(Sgx(), job(Sgx(), runtime_identity(Platform.SGX, [hardware.MRENCLAVE]))) == 11


def test_11_on_sgx_the_identity_of_another_app_is_refused():
    assert failed(Sgx(), job(Sgx(), Sgx().identity(OTHER_APP))) == 11


@pytest.mark.parametrize("machine", [Tdx(), Snp()], ids=lambda machine: machine.platform.name)
def test_13_where_a_field_locks_the_app_another_app_in_it_is_refused(machine):
    assert failed(machine, job(machine, config=to_bytes(OTHER_APP, 32) + bytes(16))) == 13
    assert failed(machine, job(machine, config=bytes(48))) == 13


@every
def test_10_the_roots_of_the_others_refuse_it(machine):
    others = tuple(each.root for each in (Sgx(), Tdx(), Snp()) if each.platform is not machine.platform)
    pins = replace(PINS, roots=others, runtimes=None, allow_simulated=False)
    assert verify(job(machine).encode(), pins).failed.number == 10

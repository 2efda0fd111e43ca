"""Sizes of report bodies, and the identity that a quote claims before it is verified."""

import pytest

from sealgrid.attestation.binding import locked_config, runtime_identity
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.quote_format import TD_PRODUCTION, claimed_identity, sgx_report, td_report
from tests.unit.attestation.machines import APP, MRTD, REPORT_DATA, machine


def test_report_bodies_have_the_sizes_of_the_format():
    td = td_report(mrtd=MRTD, mrconfigid=bytes(48), report_data=REPORT_DATA, attributes=TD_PRODUCTION)
    sgx = sgx_report(mrenclave=bytes(32), mrsigner=bytes(32), report_data=REPORT_DATA, cpu_svn=bytes(16))
    assert (len(td), len(sgx)) == (584, 384)


def test_a_quote_claims_the_identity_that_its_measurements_give():
    tdx = machine().quote(MRTD, locked_config(APP), REPORT_DATA).raw
    registers = [MRTD, *[bytes(48)] * 3]
    assert claimed_identity(tdx, APP) == (Platform.TDX, runtime_identity(Platform.TDX, registers))
    sgx = machine().sign_sgx(b"\x11" * 32, REPORT_DATA)
    identity = runtime_identity(Platform.SGX, [b"\x11" * 32, bytes.fromhex(APP[2:])])
    assert claimed_identity(sgx, APP) == (Platform.SGX, identity)


@pytest.mark.parametrize("raw", [b"", bytes(1183), bytes(700), b"\x09" + bytes(700)])
def test_other_bytes_claim_nothing(raw):
    with pytest.raises(ValueError, match="not a quote"):
        claimed_identity(raw, APP)

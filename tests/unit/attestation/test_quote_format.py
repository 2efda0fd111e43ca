"""Sizes of report bodies, and the identity that a quote claims before it is verified."""

from sealgrid.attestation.quote_format import TD_PRODUCTION, sgx_report, td_report
from tests.unit.attestation.machines import MRTD, REPORT_DATA


def test_report_bodies_have_the_sizes_of_the_format():
    td = td_report(mrtd=MRTD, mrconfigid=bytes(48), report_data=REPORT_DATA, attributes=TD_PRODUCTION)
    sgx = sgx_report(mrenclave=bytes(32), mrsigner=bytes(32), report_data=REPORT_DATA, cpu_svn=bytes(16))
    assert (len(td), len(sgx)) == (584, 384)

"""Trust roots and firmware versions: what may be configured, and what a claim is bound to."""

from dataclasses import replace

import pytest

from sealgrid.attestation.evidence import TcbVersion, TrustRoot, check_distinct_roots, find_roots
from sealgrid.attestation.policy import Platform
from sealgrid.errors import EvidenceRefused, InputRefused
from sealgrid.units import to_digest
from tests.unit.attestation import hardware_machines as hardware
from tests.unit.attestation.machines import APP, good_quote, machine, verify

OTHER = to_digest(b"\xbb" * 32)


@pytest.mark.parametrize("part", TcbVersion.__struct_fields__)
def test_one_part_below_the_floor_is_below_it(part: str) -> None:
    floor = TcbVersion(bootloader=4, tee=1, snp=24, microcode=219, fmc=1)
    assert floor.reaches(floor)
    assert TcbVersion(bootloader=5, tee=2, snp=25, microcode=220, fmc=2).reaches(floor)
    below = {name: getattr(floor, name) for name in TcbVersion.__struct_fields__} | {part: getattr(floor, part) - 1}
    assert not TcbVersion(**below).reaches(floor)


def test_2_2_only_a_configured_certificate_is_a_root() -> None:
    root = machine().trust_root
    assert find_roots([root], root.root_ca_der) == [root]
    with pytest.raises(EvidenceRefused) as caught:
        find_roots([root], machine("another").root_der)
    assert caught.value.check == "2.2"


def test_one_certificate_stands_for_sgx_and_tdx_together_and_for_no_other_pair() -> None:
    tdx = hardware.root(Platform.TDX)
    check_distinct_roots([tdx, replace(tdx, platform=Platform.SGX)])
    for platforms in ((Platform.TDX, Platform.TDX), (Platform.TDX, Platform.SNP)):
        with pytest.raises(InputRefused, match="one platform"):
            check_distinct_roots([replace(tdx, platform=each) for each in platforms])


def test_a_simulated_certificate_is_no_root_of_hardware() -> None:
    with pytest.raises(InputRefused, match="simulated"):
        TrustRoot(Platform.TDX, machine().root_der)


def test_claims_lock_their_app_except_on_sgx_where_the_runtime_names_it() -> None:
    claims = verify(good_quote())
    assert (claims.locks(APP), claims.locks(OTHER)) == (True, False)
    assert claims.runtime_of(APP) == claims.runtime_of(OTHER)
    sgx = replace(claims, platform=Platform.SGX, locked_app=None)
    assert (sgx.locks(APP), sgx.locks(OTHER)) == (True, True)
    assert sgx.runtime_of(APP) != sgx.runtime_of(OTHER)

"""Collateral before it is cached: one named bad input for each of (2.1), (2.2) and (2.4)."""

import msgspec
import pytest

from sealgrid.attestation.collateral import IntelCollateral, verify_intel_collateral, verify_snp_collateral
from sealgrid.attestation.evidence import Collateral, TrustRoot
from sealgrid.errors import EvidenceRefused
from tests.unit.attestation import machines
from tests.unit.attestation.machines import DAY, NOW, machine
from tests.unit.attestation.snp_machine import SnpMachine

INTEL = machine()
PARTS = msgspec.json.decode(INTEL.collateral.raw, type=IntelCollateral)
AMD = SnpMachine()


def changed(**parts: str) -> Collateral:
    return msgspec.structs.replace(PARTS, **parts).encode()


def refused(verify: object, collateral: Collateral, root: TrustRoot, at: int = NOW) -> str:
    with pytest.raises(EvidenceRefused) as caught:
        verify(collateral, [root], at)
    return caught.value.check


def test_intels_collateral_has_its_number_and_the_earliest_end() -> None:
    terms = verify_intel_collateral(INTEL.collateral, [INTEL.trust_root], NOW)
    assert (terms.number, terms.expires) == (INTEL.terms.evaluation, INTEL.terms.expires)


@pytest.mark.parametrize(
    "parts",
    [
        {"tcb_info": PARTS.tcb_info.replace("UpToDate", "OutOfDate")},
        {"tcb_info_signature": PARTS.qe_identity_signature},
        {"qe_identity_signature": "00" * 63},
        {"root_ca_crl": PARTS.pck_crl},
        {"pck_crl_issuer_chain": PARTS.tcb_info_issuer_chain},
    ],
    ids=["document", "signature of another", "short signature", "list of another", "issuer of another"],
)
def test_2_4_a_part_that_its_issuer_did_not_sign_is_refused(parts: dict[str, str]) -> None:
    assert refused(verify_intel_collateral, changed(**parts), INTEL.trust_root) == "2.4"


@pytest.mark.parametrize("at", [NOW - 2 * DAY, NOW + 31 * DAY])
def test_2_4_collateral_of_another_time_is_refused(at: int) -> None:
    assert refused(verify_intel_collateral, INTEL.collateral, INTEL.trust_root, at) == "2.4"


def test_2_2_collateral_under_another_root_is_refused() -> None:
    assert refused(verify_intel_collateral, INTEL.collateral, machines.machine("another").trust_root) == "2.2"
    assert refused(verify_snp_collateral, AMD.quote().collateral, INTEL.trust_root) == "2.2"


@pytest.mark.parametrize("raw", [b"", b"{}", INTEL.collateral.raw.replace(b'"pck_crl":"30', b'"pck_crl":"zz')])
def test_2_1_what_cannot_be_read_is_refused(raw: bytes) -> None:
    assert refused(verify_intel_collateral, Collateral(raw), INTEL.trust_root) == "2.1"
    assert refused(verify_snp_collateral, Collateral(b"{}"), AMD.root) == "2.1"


def test_amds_collateral_has_the_number_of_its_list() -> None:
    terms = verify_snp_collateral(AMD.quote().collateral, [AMD.root], NOW)
    assert (terms.number, terms.expires) == (5, NOW + DAY)
    assert refused(verify_snp_collateral, AMD.quote().collateral, AMD.root, NOW + 9 * DAY) == "2.4"

"""Reports of real AMD machines under AMD's own roots."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.evidence import Quote, TcbVersion, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.snp_collateral import SnpCollateral, parse_chain
from sealgrid.attestation.snp_report import ReportSigningKey
from sealgrid.attestation.verification import verify
from sealgrid.errors import EvidenceRefused
from sealgrid.units import to_digest

RECORDED = Path(__file__).parents[3].parent / "shared" / "data" / "snp"
JUNE_2025 = int(datetime(2025, 6, 19, 12, tzinfo=UTC).timestamp())
NOVEMBER_2026 = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp())
#: no revocation list was recorded with them
ACCEPTED = frozenset({"no_revocation_list", "smt"})
CLOUD = ACCEPTED | {"provider_key", "service_module"}

pytestmark = [
    pytest.mark.recorded,
    pytest.mark.skipif(not RECORDED.is_dir(), reason="recorded evidence lies beside the checkout, and does not here"),
]


def amd(product):
    """AMD's certificates of one product: ARK, ASK, ASVK."""
    bundle = x509.load_pem_x509_certificates((RECORDED / f"{product}_ask_ark_asvk.pem").read_bytes())
    ask, ark, asvk = (each.public_bytes(Encoding.DER) for each in bundle)
    return ark, ask, asvk


def root(product="milan", traits=ACCEPTED, **more):
    return TrustRoot(Platform.SNP, amd(product)[0], frozenset(traits), **more)


def recorded(report="test-report.bin", leaf="test-vcek.der", product="milan"):
    ark, ask, asvk = amd(product)
    above = asvk if "vlek" in leaf else ask
    collateral = SnpCollateral(leaf=(RECORDED / leaf).read_bytes(), intermediate=above, root=ark)
    return Quote((RECORDED / report).read_bytes(), collateral.encode())


def cloud():
    return recorded("test-vlek-report.bin", "test-vlek.der")


def check(quote, *roots, at=JUNE_2025):
    return verify(quote, roots, at=at, allow_simulated=False)


def number(quote, *roots, at=JUNE_2025):
    with pytest.raises(EvidenceRefused) as caught:
        check(quote, *roots, at=at)
    return caught.value.check


def test_a_real_milan_verifies_by_its_chips_own_key():
    quote = recorded()
    claims = check(quote, root())
    assert claims.platform is Platform.SNP
    assert claims.machine == quote.raw[0x1A0:0x1E0].hex()
    assert (claims.fmspc, claims.tcb_status) == ("Milan", "bootloader 3 tee 0 snp 8 microcode 115 fmc 0")
    assert claims.runtime_of(to_digest(bytes(32))) == runtime_identity(Platform.SNP, [quote.raw[0x90:0xC0]])
    assert claims.locked_app is None
    assert claims.report_data == quote.raw[0x50:0x90]


def test_it_verifies_beside_the_roots_of_other_products_and_makers():
    assert check(recorded(), root("genoa"), root("turin"), root(), at=NOVEMBER_2026).fmspc == "Milan"


def test_a_real_cloud_machine_verifies_by_its_providers_key():
    claims = check(cloud(), root(traits=CLOUD))
    assert claims.machine == "CN=cc-us-east-2.amazonaws.com"
    assert claims.tcb_status == "bootloader 4 tee 0 snp 24 microcode 217 fmc 0"


@pytest.mark.parametrize("missing", sorted(CLOUD - {"no_revocation_list"}))
def test_3_3_the_cloud_machine_is_refused_where_one_of_its_traits_is_not_accepted(missing):
    assert number(cloud(), root(traits=CLOUD - {missing})) == "3.3"


def test_2_4_without_a_revocation_list_a_real_report_is_refused_by_default():
    assert number(recorded(), root(traits={"smt"})) == "2.4"


def test_2_4_the_cloud_machines_certificate_has_expired_today():
    assert number(cloud(), root(traits=CLOUD), at=NOVEMBER_2026) == "2.4"


@pytest.mark.parametrize("leaf", ["test-vcek-invalid-legacy.der", "test-vcek-invalid-new.der"])
def test_2_4_the_deliberately_invalid_certificates_are_refused(leaf):
    assert number(recorded(leaf=leaf), root()) == "2.4"


@pytest.mark.parametrize("leaf", ["test-vcek-invalid-legacy.der", "test-vcek-invalid-new.der"])
def test_both_ways_to_write_a_chips_id_are_read(leaf):
    facts = parse_chain(recorded(leaf=leaf).collateral).facts
    assert (facts.kind, facts.chip) == (ReportSigningKey.VCEK, bytes(range(64)))


@pytest.mark.parametrize("product", ["genoa", "turin"])
def test_2_2_another_products_root_refuses_it(product):
    assert number(recorded(), root(product)) == "2.2"


@pytest.mark.parametrize("product", ["genoa", "turin"])
def test_2_4_another_products_chain_did_not_sign_its_key(product):
    assert number(recorded(product=product), root(product)) == "2.4"


@pytest.mark.parametrize("product", ["milan", "genoa", "turin"])
def test_amds_own_chains_hold(product):
    """Down to the intermediate, the last that AMD signs for everybody."""
    ark, *below = (x509.load_der_x509_certificate(each) for each in amd(product))
    for certificate in (ark, *below):
        certificate.verify_directly_issued_by(ark)


def test_2_6_the_chips_key_did_not_sign_the_cloud_machines_report():
    swapped = replace(cloud(), collateral=recorded().collateral)
    assert number(swapped, root(traits=CLOUD)) == "2.6"


def test_2_7_a_real_report_with_one_flipped_bit_is_refused():
    raw = bytearray(recorded().raw)
    raw[0xC0] ^= 1  # locks an app that the guest was not launched with
    assert number(replace(recorded(), raw=bytes(raw)), root()) == "2.7"


def test_3_2_a_real_machine_below_the_floor_is_refused():
    assert number(recorded(), root(least_tcb=TcbVersion(snp=24))) == "3.2"

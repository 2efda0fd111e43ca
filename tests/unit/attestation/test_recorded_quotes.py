"""Quotes of real machines under Intel's own root: genuine in their time, refused today."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sealgrid.attestation import verification
from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.evidence import Collateral, Quote, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.errors import EvidenceRefused, InputRefused
from sealgrid.units import to_bytes, to_digest

RECORDED = Path(__file__).parents[3].parent / "shared" / "data" / "quotes"
JUNE_2025 = int(datetime(2025, 6, 19, 12, tzinfo=UTC).timestamp())
NOVEMBER_2026 = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp())
APP, OTHER_APP = to_digest(b"\xaa" * 32), to_digest(b"\xbb" * 32)
HARDENING = frozenset({"ConfigurationAndSWHardeningNeeded"})  #: what the recorded SGX machine is
REAL_SERVERS = frozenset({"dynamic_platform", "cached_keys", "smt"})

pytestmark = [
    pytest.mark.recorded,
    pytest.mark.skipif(not RECORDED.is_dir(), reason="recorded evidence lies beside the checkout, and does not here"),
]


def recorded(kind):
    collateral = (RECORDED / f"{kind}_quote_collateral.json").read_bytes()
    return Quote((RECORDED / f"{kind}_quote").read_bytes(), Collateral(collateral))


def intel(platform, traits=frozenset(), statuses=frozenset(), least=17):
    """Intel's root, read out of the recorded quote: dcap-qvl itself pins the same one."""
    chain = (RECORDED / "tdx_quote").read_bytes()
    last = chain[chain.rindex(b"-----BEGIN") :].rstrip(b"\0")
    der = x509.load_pem_x509_certificate(last).public_bytes(Encoding.DER)
    return TrustRoot(platform, der, traits, statuses, minimum_eval_number=least)


def verify(quote, root, at, *others):
    return verification.verify(quote, (root, *others), at=at, allow_simulated=False)


def number(quote, root, at):
    with pytest.raises(EvidenceRefused) as caught:
        verify(quote, root, at)
    return caught.value.check


def test_a_real_td_verifies_in_june_2025_where_its_machines_traits_are_accepted():
    claims = verify(recorded("tdx"), intel(Platform.TDX, REAL_SERVERS), JUNE_2025)
    assert claims.platform is Platform.TDX
    assert (claims.tcb_status, claims.fmspc) == ("UpToDate", "b0c06f000000")
    assert claims.locked_app is None
    raw = recorded("tdx").raw[48:]
    registers = [raw[136:184], *(raw[offset : offset + 48] for offset in (328, 376, 424))]
    assert claims.runtime_of(APP) == runtime_identity(Platform.TDX, registers)


def test_3_3_the_same_td_is_refused_where_they_are_not():
    assert number(recorded("tdx"), intel(Platform.TDX), JUNE_2025) == "3.3"


def test_3_2_a_real_sgx_machine_that_needs_hardening_is_refused():
    assert number(recorded("sgx"), intel(Platform.SGX), JUNE_2025) == "3.2"


def test_3_4_a_real_td_is_no_sgx_enclave():
    assert number(recorded("tdx"), intel(Platform.SGX, REAL_SERVERS), JUNE_2025) == "3.4"


def test_a_real_enclave_verifies_where_its_machines_status_is_accepted():
    claims = verify(recorded("sgx"), intel(Platform.SGX, statuses=HARDENING), JUNE_2025)
    assert claims.platform is Platform.SGX
    assert claims.tcb_status == "ConfigurationAndSWHardeningNeeded"
    assert claims.advisories == ("INTEL-SA-00289", "INTEL-SA-00615")
    assert claims.report_data == b"Hello, world!".ljust(64, b"\0")


def test_a_real_enclave_has_one_identity_per_app_which_names_its_mrenclave():
    claims = verify(recorded("sgx"), intel(Platform.SGX, statuses=HARDENING), JUNE_2025)
    mrenclave = recorded("sgx").raw[48 + 64 : 48 + 96]
    assert claims.locked_app is None
    assert claims.locks(APP)
    assert claims.locks(OTHER_APP)
    assert claims.runtime_of(APP) == runtime_identity(Platform.SGX, [mrenclave, to_bytes(APP, 32)])
    assert len({claims.runtime_of(APP), claims.runtime_of(OTHER_APP), runtime_identity(Platform.SGX, [mrenclave])}) == 3


@pytest.mark.parametrize("order", [(Platform.SGX, Platform.TDX), (Platform.TDX, Platform.SGX)])
def test_intels_one_root_serves_both_platforms_and_each_report_is_of_its_own(order):
    roots = [intel(platform, REAL_SERVERS, HARDENING) for platform in order]
    for kind, platform in (("sgx", Platform.SGX), ("tdx", Platform.TDX)):
        assert verify(recorded(kind), roots[0], JUNE_2025, *roots[1:]).platform is platform


def test_3_2_under_the_shared_root_each_platform_keeps_its_own_terms():
    roots = (intel(Platform.TDX, REAL_SERVERS, HARDENING), intel(Platform.SGX, REAL_SERVERS))
    with pytest.raises(EvidenceRefused) as caught:
        verify(recorded("sgx"), *roots[:1], JUNE_2025, *roots[1:])
    assert caught.value.check == "3.2"


@pytest.mark.parametrize("to", [0, 0x81])
def test_2_x_a_header_that_claims_the_other_platform_is_refused(to):
    quote = recorded("sgx" if to else "tdx")
    forged = Quote(quote.raw[:4] + to.to_bytes(4, "little") + quote.raw[8:], quote.collateral)
    both = [intel(platform, REAL_SERVERS, HARDENING) for platform in (Platform.SGX, Platform.TDX)]
    with pytest.raises(EvidenceRefused) as caught:
        verify(forged, both[0], JUNE_2025, *both[1:])
    assert caught.value.check in {"2.1", "2.4"}


def test_2_4_collateral_of_the_other_platform_is_refused():
    both = [intel(platform, REAL_SERVERS, HARDENING) for platform in (Platform.SGX, Platform.TDX)]
    for kind, other in (("sgx", "tdx"), ("tdx", "sgx")):
        with pytest.raises(EvidenceRefused) as caught:
            verify(Quote(recorded(kind).raw, recorded(other).collateral), both[0], JUNE_2025, *both[1:])
        assert caught.value.check == "2.4"


@pytest.mark.parametrize("kind", ["sgx", "tdx"])
def test_2_5_real_collateral_older_than_what_was_seen_is_refused(kind):
    platform = Platform[kind.upper()]
    assert number(recorded(kind), intel(platform, REAL_SERVERS, HARDENING, least=18), JUNE_2025) == "2.5"


def test_intels_root_cannot_stand_for_amds_platform_beside_its_own():
    with pytest.raises(InputRefused, match="twice"):
        verify(recorded("tdx"), intel(Platform.TDX), JUNE_2025, intel(Platform.SNP))


@pytest.mark.parametrize("kind", ["sgx", "tdx"])
def test_2_4_both_are_refused_today(kind):
    assert number(recorded(kind), intel(Platform.TDX, REAL_SERVERS), NOVEMBER_2026) == "2.4"


def test_2_2_intels_root_refuses_a_simulated_quote():
    simulated = SimulatedQuoter(SimulatedPlatformKeys.generate(JUNE_2025), now=JUNE_2025)
    quote = simulated.quote(bytes(48), bytes(48), bytes(64))
    assert number(quote, intel(Platform.TDX, REAL_SERVERS), JUNE_2025) == "2.2"


def test_2_2_a_simulated_root_refuses_a_real_quote():
    simulated = SimulatedQuoter(SimulatedPlatformKeys.generate(JUNE_2025), now=JUNE_2025)
    with pytest.raises(EvidenceRefused) as caught:
        verification.verify(recorded("tdx"), (simulated.trust_root,), at=JUNE_2025, allow_simulated=True)
    assert caught.value.check == "2.2"

"""Quotes of real machines under Intel's own root: genuine in their time, refused today."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sealgrid.attestation import dcap
from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.evidence import Collateral, Quote, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.simulated import SimulatedPlatformKeys, SimulatedQuoter
from sealgrid.errors import EvidenceRefused

RECORDED = Path(__file__).parents[3].parent / "shared" / "data" / "quotes"
JUNE_2025 = int(datetime(2025, 6, 19, 12, tzinfo=UTC).timestamp())
NOVEMBER_2026 = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp())
REAL_SERVERS = frozenset({"dynamic_platform", "cached_keys", "smt"})

pytestmark = [
    pytest.mark.recorded,
    pytest.mark.skipif(not RECORDED.is_dir(), reason="recorded real quotes lie beside the checkout, and do not here"),
]


def recorded(kind):
    collateral = (RECORDED / f"{kind}_quote_collateral.json").read_bytes()
    return Quote((RECORDED / f"{kind}_quote").read_bytes(), Collateral(collateral))


def intel(platform, traits=frozenset()):
    """Intel's root, read out of the recorded quote: dcap-qvl itself pins the same one."""
    chain = (RECORDED / "tdx_quote").read_bytes()
    last = chain[chain.rindex(b"-----BEGIN") :].rstrip(b"\0")
    return TrustRoot(platform, x509.load_pem_x509_certificate(last).public_bytes(Encoding.DER), traits)


def verify(quote, root, at):
    return dcap.verify(quote, (root,), at=at, minimum_eval_number=17, allow_simulated=False)


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
    assert claims.runtime == runtime_identity(Platform.TDX, registers)


def test_3_3_the_same_td_is_refused_where_they_are_not():
    assert number(recorded("tdx"), intel(Platform.TDX), JUNE_2025) == "3.3"


def test_3_2_a_real_sgx_machine_that_needs_hardening_is_refused():
    assert number(recorded("sgx"), intel(Platform.SGX), JUNE_2025) == "3.2"


def test_3_4_a_real_td_is_no_sgx_enclave():
    assert number(recorded("tdx"), intel(Platform.SGX, REAL_SERVERS), JUNE_2025) == "3.4"


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
        dcap.verify(recorded("tdx"), (simulated.trust_root,), at=JUNE_2025, minimum_eval_number=0, allow_simulated=True)
    assert caught.value.check == "2.2"

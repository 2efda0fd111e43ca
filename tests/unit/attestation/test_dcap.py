"""Every attack on a quote, by name, and the number of the check that stops it."""

from dataclasses import replace

import pytest

from sealgrid.attestation.binding import locked_config, runtime_identity
from sealgrid.attestation.evidence import Collateral, Quote, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.quote_format import TEE_SGX, td_report
from sealgrid.errors import EvidenceRefused, InputRefused
from tests.unit.attestation import machines
from tests.unit.attestation.machines import (
    APP,
    DAY,
    MRTD,
    NOW,
    REPORT_DATA,
    good_quote,
    machine,
    sgx_quote,
    under,
    verify,
)

DEBUG_TD = bytes.fromhex("0100001000000000")
PRODUCTION_TD = 1 << 28
LENGTHS = (632, 766, 1254)  #: where a TD quote says how long its signature data, their second part and the chain are
DEBUG_ENCLAVE = bytes.fromhex("07000000000000000700000000000000")


def refused(quote, number, *roots, **how):
    with pytest.raises(EvidenceRefused) as caught:
        verify(quote, *roots, **how)
    assert caught.value.check == number, caught.value
    return caught.value


def flip(raw, offset, bit=1):
    changed = bytearray(raw)
    changed[offset] ^= bit
    return bytes(changed)


def td_quote(attributes, config=None):
    report = td_report(
        mrtd=MRTD, mrconfigid=config or locked_config(APP), report_data=REPORT_DATA, attributes=attributes
    )
    return Quote(machine().sign_td(report), machine().collateral)


def test_a_good_quote_proves_platform_runtime_app_report_data_and_machine():
    claims = verify(good_quote())
    assert claims.platform is Platform.SIMULATED
    assert claims.runtime_of(APP) == runtime_identity(Platform.SIMULATED, [MRTD])
    assert claims.locked_app == APP
    assert claims.report_data == REPORT_DATA
    assert (len(claims.machine), claims.tcb_status, claims.eval_number) == (32, "UpToDate", 17)


def test_2_1_collateral_that_is_no_json_is_refused():
    refused(replace(good_quote(), collateral=Collateral(b"{")), "2.1")


def test_2_1_collateral_that_is_no_text_is_refused():
    refused(replace(good_quote(), collateral=Collateral(b"\xff\xfe")), "2.1")


@pytest.mark.parametrize("raw", [b"", b"quote", bytes(5000)])
def test_2_1_bytes_that_are_no_quote_are_refused(raw):
    refused(replace(good_quote(), raw=raw), "2.1")


def test_2_1_a_quote_or_collateral_larger_than_any_real_one_is_refused():
    quote = good_quote()
    refused(replace(quote, raw=quote.raw.ljust(65 << 10, b"\0")), "2.1")
    refused(replace(quote, collateral=Collateral(quote.collateral.raw.ljust(2 << 20))), "2.1")


def test_2_2_another_root_refuses_our_machine():
    refused(good_quote(), "2.2", machine("other").trust_root)


def test_2_2_without_any_root_everything_is_refused():
    with pytest.raises(EvidenceRefused) as caught:
        machines.verification.verify(good_quote(), (), at=NOW, allow_simulated=True)
    assert caught.value.check == "2.2"


def test_2_3_a_simulated_root_is_refused_where_it_is_not_allowed_by_name():
    refused(good_quote(), "2.3", simulated=False)


def test_2_4_a_flipped_bit_in_mrtd_is_refused():
    refused(replace(good_quote(), raw=flip(good_quote().raw, 48 + 136)), "2.4")


def test_2_4_a_flipped_bit_in_mrenclave_is_refused():
    refused(replace(sgx_quote(), raw=flip(sgx_quote().raw, 48 + 64)), "2.4")


def test_2_4_a_flipped_bit_in_report_data_is_refused():
    refused(replace(good_quote(), raw=flip(good_quote().raw, 48 + 520)), "2.4")


def test_2_4_a_flipped_bit_in_the_locked_app_is_refused():
    refused(replace(good_quote(), raw=flip(good_quote().raw, 48 + 184)), "2.4")


def test_2_4_a_revoked_platform_key_is_refused():
    refused(under({"pck_revoked": True}), "2.4")


def test_2_4_expired_collateral_is_refused():
    refused(good_quote(), "2.4", at=NOW + 60 * DAY)


def test_2_4_collateral_from_the_future_is_refused():
    refused(good_quote(), "2.4", at=NOW - 2 * DAY)


def test_2_4_another_platforms_collateral_is_refused():
    refused(replace(good_quote(), collateral=machine("other").collateral), "2.4")


def test_2_4_a_chain_that_only_names_our_root_is_refused():
    """The attacker signs with its own machine and puts our root's certificate at the end of the chain."""
    theirs = machine("other").quote(MRTD, locked_config(APP), REPORT_DATA)
    ours = good_quote().raw
    last, root = theirs.raw.rindex(b"-----BEGIN"), ours[ours.rindex(b"-----BEGIN") :]
    longer = len(root) - len(theirs.raw[last:])
    raw = bytearray(theirs.raw[:last] + root)
    for offset in LENGTHS:
        raw[offset : offset + 4] = (int.from_bytes(raw[offset : offset + 4], "little") + longer).to_bytes(4, "little")
    refused(Quote(bytes(raw), theirs.collateral), "2.4", machine().trust_root)


def test_2_5_a_rollback_of_the_evaluation_number_is_refused():
    refused(under({"evaluation": 16}), "2.5")
    assert verify(under({"evaluation": 18}), least=18).eval_number == 18


def test_3_1_a_debug_td_and_a_debug_enclave_are_refused():
    refused(td_quote(DEBUG_TD), "3.1")
    refused(sgx_quote(attributes=DEBUG_ENCLAVE), "3.1")


@pytest.mark.parametrize("status", ["OutOfDate", "SWHardeningNeeded", "ConfigurationNeeded", "Revoked"])
def test_3_2_a_machine_that_is_not_up_to_date_is_refused(status):
    refused(under({"status": status, "advisories": ("INTEL-SA-00615",)}), "3.2")


def test_3_2_a_machine_below_the_required_level_is_refused():
    refused(under({"required_svn": bytes([6] * 16)}), "3.2")


def test_3_4_an_sgx_quote_under_the_simulated_root_is_refused():
    """The platform follows from the root, and the simulated one makes TD reports only."""
    refused(sgx_quote(), "3.4")


@pytest.mark.parametrize("bit", [bit for bit in range(1, 64) if bit != 28])
def test_3_4_a_td_with_an_attribute_that_weakens_it_is_refused(bit):
    """Profiling, migration, service TDs, key locker, performance counters, or what is reserved."""
    refused(td_quote((PRODUCTION_TD | 1 << bit).to_bytes(8, "little")), "3.4")


def test_3_4_a_td_that_the_host_may_interrupt_by_faults_is_refused():
    refused(td_quote(bytes(8)), "3.4")


def test_a_tdx_quote_under_the_simulated_root_is_simulated_and_has_no_real_runtimes_identity():
    claims = verify(good_quote())
    assert claims.platform is Platform.SIMULATED
    assert claims.runtime_of(APP) != runtime_identity(Platform.TDX, [MRTD, bytes(48), bytes(48), bytes(48)])


def test_a_simulated_root_cannot_be_configured_as_real_hardware():
    for platform in (Platform.SGX, Platform.TDX, Platform.SNP):
        with pytest.raises(InputRefused, match="simulated"):
            TrustRoot(platform, machine().root_der)


def test_what_is_no_certificate_is_no_root():
    with pytest.raises(InputRefused, match="certificate"):
        TrustRoot(Platform.TDX, b"root")


def test_one_certificate_cannot_stand_for_two_platforms():
    with pytest.raises(InputRefused, match="twice"):
        verify(good_quote(), machine().trust_root, machine().trust_root)


def test_a_config_whose_tail_is_not_zero_locks_no_app():
    config = locked_config(APP)[:-1] + b"\1"
    assert verify(td_quote(bytes.fromhex("0000001000000000"), config)).locked_app is None


def test_an_empty_config_locks_no_app():
    assert verify(td_quote(bytes.fromhex("0000001000000000"), bytes(48))).locked_app is None


def test_advisories_of_an_up_to_date_machine_are_told():
    assert verify(under({"advisories": ("INTEL-SA-1",)})).advisories == ("INTEL-SA-1",)


def test_no_flipped_byte_of_a_quote_survives_but_in_unsigned_framing():
    """The framing: line breaks of the certificates' text, type and length before them and before what holds them."""
    quote = good_quote()
    certificates = quote.raw.index(b"-----BEGIN")
    survivors = set()
    for offset in range(len(quote.raw)):
        try:
            verify(replace(quote, raw=flip(quote.raw, offset)))
        except EvidenceRefused:
            continue
        survivors.add(offset)
    framing = {offset for offset in survivors if offset > certificates and quote.raw[offset] == ord("\n")}
    headers = {*range(certificates - 6, certificates), *range(48 + 584 + 4 + 128, 48 + 584 + 4 + 128 + 6)}
    assert survivors - framing <= headers


def test_sgx_collateral_does_not_make_an_sgx_quote_pass_as_another_platform():
    with pytest.raises(EvidenceRefused):
        verify(Quote(good_quote().raw, machine().collateral_with(TEE_SGX)), least=18)

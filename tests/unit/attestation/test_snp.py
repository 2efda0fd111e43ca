"""What an SEV-SNP report proves, and one bad report per numbered check of ``snp.verify``."""

from dataclasses import replace

import pytest

from sealgrid.attestation.binding import runtime_identity
from sealgrid.attestation.evidence import Collateral, Quote, TcbVersion, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.errors import EvidenceRefused
from sealgrid.units import to_digest
from tests.unit.attestation.snp_machine import (
    APP,
    CHIP,
    DAY,
    FLOOR,
    GOOD_POLICY,
    MEASUREMENT,
    NOW,
    PROVIDER,
    REPORT_DATA,
    TCB,
    SnpMachine,
    ark_of,
    check,
    report,
)

OURS = SnpMachine()
DEBUG, MIGRATION, SMT, UNKNOWN = 1 << 19, 1 << 18, 1 << 16, 1 << 26
ASK_SERIAL = 7


def refused(quote, number, root=None, **how):
    with pytest.raises(EvidenceRefused) as caught:
        check(quote, root, **how)
    assert caught.value.check == number, caught.value


def accepting(*traits, **changes):
    return replace(OURS.root, traits=frozenset(traits), **changes)


def test_a_good_report_proves_chip_firmware_measurement_app_and_report_data():
    claims = check(OURS.quote())
    assert claims.platform is Platform.SNP
    assert claims.runtime_of(to_digest(APP)) == runtime_identity(Platform.SNP, [MEASUREMENT])
    assert claims.locked_app == to_digest(APP)
    assert claims.report_data == REPORT_DATA
    assert (claims.machine, claims.fmspc) == (CHIP.hex(), "Milan")
    assert claims.tcb_status == "bootloader 4 tee 0 snp 24 microcode 219 fmc 0"
    assert claims.eval_number == 5


def test_host_data_locks_its_app_and_no_other():
    claims = check(OURS.quote())
    assert claims.locks(to_digest(APP))
    assert not claims.locks(to_digest(b"\xbb" * 32))


def test_empty_host_data_locks_no_app():
    claims = check(OURS.quote(host_data=bytes(32)))
    assert claims.locked_app is None
    assert not claims.locks(to_digest(bytes(32)))


def test_turin_has_its_firmware_in_another_order_and_a_short_chip_id():
    turin = SnpMachine("Turin")
    tcb = {"fmc": 1, "bootloader": 2, "tee": 3, "snp": 4, "microcode": 80}
    collateral = turin.collateral(leaf=turin.leaf(tcb=tcb, chip=b"\x04\x08" + CHIP[:8]))
    quote = turin.quote(collateral, tcb=bytes([1, 2, 3, 4, 0, 0, 0, 80]), chip=CHIP[:8].ljust(64, b"\0"))
    assert check(quote, turin.root).tcb_status == "bootloader 2 tee 3 snp 4 microcode 80 fmc 1"


def test_a_providers_key_counts_where_its_root_says_so_and_names_the_provider():
    quote = OURS.quote(OURS.collateral(vlek=True), signing_key=1, chip=bytes(64))
    claims = check(quote, accepting("provider_key"))
    assert claims.machine == PROVIDER


@pytest.mark.parametrize("cut", [0, 1183])
def test_2_1_a_report_of_another_length_is_none(cut):
    quote = OURS.quote()
    refused(replace(quote, raw=quote.raw[:cut]), "2.1")


@pytest.mark.parametrize("field", [{"version": 1}, {"version": 4}, {"version": 6}, {"algorithm": 2}])
def test_2_1_a_report_of_an_unknown_version_or_algorithm_is_refused(field):
    refused(OURS.quote(**field), "2.1")


@pytest.mark.parametrize("raw", [b"", b"{}", b"\xff", b'{"leaf":"","intermediate":"","root":""}', b" " * (65 << 10)])
def test_2_1_collateral_that_is_none_is_refused(raw):
    refused(replace(OURS.quote(), collateral=Collateral(raw)), "2.1")


@pytest.mark.parametrize("tcb", [{}, {"bootloader": 4}, {"bootloader": -1, "tee": 0, "snp": 24, "microcode": 219}])
def test_2_6_a_leaf_that_does_not_tell_its_firmware_is_refused(tcb):
    refused(OURS.quote(OURS.collateral(leaf=OURS.leaf(tcb=tcb))), "2.6")


def test_2_2_another_authority_is_refused():
    refused(SnpMachine(authority="theirs").quote(), "2.2", OURS.root)


def test_2_2_a_root_for_another_platform_does_not_count():
    refused(OURS.quote(), "2.2", TrustRoot(Platform.TDX, ark_of(OURS)))
    simulated = SimulatedPlatformKeys.generate(NOW)
    refused(OURS.quote(), "2.2", TrustRoot(Platform.SIMULATED, simulated.root_der))


def test_2_4_an_intermediate_that_the_root_did_not_sign_is_refused():
    refused(OURS.quote(OURS.collateral(intermediate=OURS.intermediate(signer="ark theirs"))), "2.4")


def test_2_4_a_leaf_that_the_intermediate_did_not_sign_is_refused():
    refused(OURS.quote(OURS.collateral(leaf=OURS.leaf(signer="ask theirs"))), "2.4")


def test_2_4_a_leaf_that_the_root_signed_itself_is_refused():
    refused(OURS.quote(OURS.collateral(leaf=OURS.leaf(signer="ark ours"))), "2.4")


@pytest.mark.parametrize("at", [NOW + 2 * DAY, NOW - 2 * DAY])
def test_2_4_certificates_of_another_time_are_refused(at):
    refused(OURS.quote(), "2.4", at=at)


def test_2_4_without_a_revocation_list_nothing_counts_unless_the_root_says_so():
    quote = OURS.quote(OURS.collateral(revocation_list=None))
    refused(quote, "2.4")
    assert check(quote, accepting("no_revocation_list")).eval_number == 0


def test_2_4_a_revocation_list_that_the_root_did_not_sign_is_refused():
    refused(OURS.quote(OURS.collateral(revocation_list=OURS.revocation_list(signer="ark theirs"))), "2.4")


@pytest.mark.parametrize("valid", [(NOW - 2 * DAY, NOW - DAY), (NOW + DAY, NOW + 2 * DAY)])
def test_2_4_a_revocation_list_of_another_time_is_refused(valid):
    refused(OURS.quote(OURS.collateral(revocation_list=OURS.revocation_list(valid=valid))), "2.4")


def test_2_4_a_withdrawn_intermediate_is_refused():
    revoked = OURS.revocation_list(revoked=[ASK_SERIAL])
    refused(OURS.quote(OURS.collateral(revocation_list=revoked)), "2.4")


def test_2_5_a_revocation_list_older_than_what_was_seen_is_refused():
    refused(OURS.quote(), "2.5", accepting(minimum_eval_number=6))
    assert check(OURS.quote(), accepting(minimum_eval_number=5))


def test_2_5_a_list_without_a_number_counts_as_the_oldest():
    quote = OURS.quote(OURS.collateral(revocation_list=OURS.revocation_list(number=None)))
    assert check(quote).eval_number == 0
    refused(quote, "2.5", accepting(minimum_eval_number=1))


def test_2_6_a_providers_leaf_does_not_fit_a_chips_report_nor_the_other_way_round():
    refused(OURS.quote(OURS.collateral(vlek=True)), "2.6", accepting("provider_key"))
    refused(OURS.quote(signing_key=1), "2.6", accepting("provider_key"))


@pytest.mark.parametrize("signing_key", [2, 7])
def test_2_6_a_report_that_names_no_known_key_is_refused(signing_key):
    refused(OURS.quote(signing_key=signing_key), "2.6")


def test_2_6_a_processor_of_another_product_than_the_leaf_is_refused():
    assert check(OURS.quote(cpuid=(0x19, 0x01)))
    for other in ((0x19, 0x11), (0x19, 0xA0), (0x1A, 0x02)):
        refused(OURS.quote(cpuid=other), "2.6")


def test_2_6_a_leaf_of_another_product_is_refused():
    refused(OURS.quote(OURS.collateral(leaf=OURS.leaf(product="Genoa"))), "2.6")


@pytest.mark.parametrize("part", range(8))
def test_2_6_a_leaf_for_other_firmware_is_refused(part):
    """A report that names newer firmware than the key was derived for."""
    tcb = bytearray([4, 0, 0, 0, 0, 0, 24, 219])
    tcb[part] ^= 1
    if part in (2, 3, 4, 5):
        assert check(OURS.quote(tcb=bytes(tcb)))  # reserved on this product
    else:
        refused(OURS.quote(tcb=bytes(tcb)), "2.6")


def test_2_6_another_chips_leaf_is_refused():
    refused(OURS.quote(chip=CHIP[::-1]), "2.6")


def test_2_6_a_chip_that_hides_its_id_is_refused():
    zero = OURS.collateral(leaf=OURS.leaf(chip=bytes(64)))
    refused(OURS.quote(zero, chip=bytes(64)), "2.6")


def test_2_7_a_report_signed_by_another_chip_is_refused():
    refused(OURS.quote(key="another chip"), "2.7")


@pytest.mark.parametrize("at", [0x04, 0x50, 0x90, 0xC0, 0xE0, 0x140, 0x1F0, 0x29F, 0x2A0, 0x2E8])
def test_2_7_a_flipped_bit_of_what_is_signed_is_refused(at):
    raw = bytearray(report())
    raw[at] ^= 1
    refused(Quote(bytes(raw), OURS.collateral().encode()), "2.7")


@pytest.mark.parametrize("signature", [bytes(144), b"\xff" * 144])
def test_2_7_a_signature_of_zeros_or_of_numbers_too_large_is_refused(signature):
    refused(Quote(report()[:0x2A0] + signature + bytes(368), OURS.collateral().encode()), "2.7")


def test_3_1_a_guest_that_may_be_debugged_is_refused():
    refused(OURS.quote(policy=GOOD_POLICY | DEBUG), "3.1")


@pytest.mark.parametrize("part", sorted(TCB))
def test_3_2_firmware_below_the_roots_floor_is_refused(part):
    assert check(OURS.quote(), accepting(least_tcb=FLOOR))
    refused(OURS.quote(), "3.2", accepting(least_tcb=TcbVersion(**TCB | {part: TCB[part] + 1})))


def test_3_3_shared_cores_a_service_module_and_a_providers_key_are_refused_unless_the_root_accepts_them():
    shared = OURS.quote(policy=GOOD_POLICY | SMT, info=1)
    beneath = OURS.quote(vmpl=1)
    provided = OURS.quote(OURS.collateral(vlek=True), signing_key=1)
    for quote, trait in ((shared, "smt"), (beneath, "service_module"), (provided, "provider_key")):
        refused(quote, "3.3")
        assert check(quote, accepting(trait))


def test_3_3_a_guest_that_would_allow_shared_cores_runs_on_a_machine_that_has_none():
    assert check(OURS.quote(policy=GOOD_POLICY | SMT, info=0))


@pytest.mark.parametrize("policy", [GOOD_POLICY | MIGRATION, GOOD_POLICY | UNKNOWN, GOOD_POLICY | 1 << 63, 0])
def test_3_4_a_guest_that_may_migrate_or_whose_policy_we_do_not_know_is_refused(policy):
    refused(OURS.quote(policy=policy), "3.4")


def test_no_flipped_byte_of_a_report_survives_but_behind_its_signature():
    """What stands behind r and s is reserved and unsigned; a version we do not know cannot be read."""
    raw, collateral = report(), OURS.collateral().encode()
    survivors = set()
    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 1
        try:
            check(Quote(bytes(changed), collateral))
        except EvidenceRefused:
            continue
        survivors.add(at)
    assert survivors == set(range(0x2A0 + 144, len(raw)))

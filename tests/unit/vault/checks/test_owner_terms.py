"""The owner's part of (3) and the limits of (7): one named bad case for each field of a policy."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.policy import UNLIMITED, Machines, Platform, find_invalid_machine_id
from sealgrid.errors import ReleaseRefused
from sealgrid.vault.checks.owner_terms import DatasetUses, check_machine, check_terms
from tests.unit.vault.vault_scene import (
    DATASET,
    NOW,
    OWNER,
    REQUESTER,
    SNAPSHOT,
    STORED_KEYS,
    STRANGER,
    attested,
    facts,
    policy,
)

CLAIMS = replace(attested().claims, machine="0a0b0c", fmspc="00606a000000", advisories=("INTEL-SA-00615",))
NONE = DatasetUses()
names = st.text("abcdef0123456789", min_size=1, max_size=8)


def machine(claims=CLAIMS, **rules):
    check_machine(Machines(**rules), claims)


def refused(number, call, *args, **named):
    with pytest.raises(ReleaseRefused) as caught:
        call(*args, **named)
    assert caught.value.check == number


def decide(uses=NONE, **terms):
    return check_terms(policy(**terms), attested(), SNAPSHOT, uses, at=NOW)


def test_a_policy_that_says_nothing_about_machines_takes_what_the_vault_takes():
    machine()


def test_3_5_a_machine_that_is_not_allowed():
    machine(allowed=("ffff", "0A0B0C"))
    refused("3.5", machine, allowed=("ffff",))


def test_3_6_a_machine_that_is_denied():
    machine(denied=("ffff",))
    refused("3.6", machine, denied=("0A0B0C",))
    refused("3.6", machine, denied=("0a0b0c",), allowed=("0a0b0c",))


def test_3_7_silicon_of_another_generation():
    machine(families=("00606A000000",))
    refused("3.7", machine, families=("00906ed50000",))
    refused("3.7", machine, replace(CLAIMS, fmspc="Milan"), families=("Genoa", "Turin"))


def test_3_8_an_advisory_that_the_owner_forbids():
    machine(forbidden_advisories=("INTEL-SA-00837",))
    refused("3.8", machine, forbidden_advisories=("INTEL-SA-00837", "intel-sa-00615"))


def test_3_9_collateral_from_before_the_owners_floor():
    machine(evaluation=CLAIMS.eval_number)
    refused("3.9", machine, evaluation=CLAIMS.eval_number + 1)


def test_3_10_a_status_that_the_vault_lets_pass_and_the_owner_does_not():
    weaker = replace(CLAIMS, tcb_status="SWHardeningNeeded")
    machine(weaker, up_to_date=False)
    refused("3.10", machine, weaker)
    machine(replace(weaker, platform=Platform.SNP, tcb_status="bootloader 10 tee 0 snp 24 microcode 88 fmc 0"))


def test_7_2_a_policy_that_ended():
    refused("7.2", decide, expiry=NOW)


def test_7_9_more_uses_in_total_than_the_owner_allows():
    assert decide(DatasetUses(total=4), uses_total=5)
    refused("7.9", decide, DatasetUses(total=5), uses_total=5)
    refused("7.9", decide, uses_total=0)
    assert decide(DatasetUses(total=UNLIMITED - 1))


def test_7_10_a_requester_that_the_owner_refuses():
    assert decide(refused=(STRANGER.address,))
    refused("7.10", decide, refused=(STRANGER.address, REQUESTER.address))


@pytest.mark.parametrize(("required", "stated"), [(0, 2), (2, 2), (3, 3)])
def test_facts_state_how_many_vaults_must_release(required, stated):
    assert facts(keys=replace(STORED_KEYS, policy=policy(quorum=required))).quorum == stated


@given(mine=names, allowed=st.lists(names, max_size=3), denied=st.lists(names, max_size=3))
def test_denying_a_machine_wins_over_allowing_it(mine, allowed, denied):
    claims = replace(CLAIMS, machine=mine)
    may = (not allowed or mine in allowed) and mine not in denied
    rules = {"allowed": tuple(allowed), "denied": tuple(denied)}
    if may:
        machine(claims, **rules)
    else:
        refused("3.6" if mine in denied and (not allowed or mine in allowed) else "3.5", machine, claims, **rules)


@given(hour=st.integers(0, 5), total=st.integers(0, 5), per_hour=st.integers(0, 5), in_all=st.integers(0, 5))
def test_no_number_of_uses_gets_past_either_limit(hour, total, per_hour, in_all):
    limits = {"uses_per_requester_hour": per_hour, "uses_total": in_all}
    if hour < per_hour and total < in_all:
        assert decide(DatasetUses(hour, total), **limits)
    else:
        refused("7.4" if hour >= per_hour else "7.9", decide, DatasetUses(hour, total), **limits)


@pytest.mark.parametrize("wrong", ["0xabcd", "0Xab", "", " 0a", "0a\n", "a b", "x" * 129, "ä"])
def test_an_id_that_no_evidence_can_have_is_found(wrong):
    for field in ("allowed", "denied", "families", "forbidden_advisories"):
        assert find_invalid_machine_id(Machines(**{field: ("0a0b", wrong)})) == wrong


def test_ids_as_evidence_writes_them_are_left_alone():
    right = Machines(allowed=(CLAIMS.machine,), families=("Genoa",), forbidden_advisories=("INTEL-SA-00615",))
    assert find_invalid_machine_id(right) is None


def test_the_scene_speaks_of_one_dataset():
    assert (SNAPSHOT.dataset.address, SNAPSHOT.dataset.owner) == (DATASET, OWNER.address)

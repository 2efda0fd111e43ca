"""Checks (2) to (5) and (9) to (13), each broken alone."""

from dataclasses import replace

import pytest

from sealgrid.attestation.binding import locked_config
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.simulated import DAY
from sealgrid.receipts.verify import verify
from sealgrid.units import to_address
from tests.unit.receipts.receipt_scene import (
    APP,
    DOMAIN,
    EXPIRED_MACHINE,
    EXPIRY,
    FACTS,
    MACHINE,
    NOBODY,
    NOW,
    OTHER,
    OTHER_MACHINE,
    PINS,
    STRANGER,
    VAULT_KEYS,
    VAULTS,
    Job,
    alter,
    refused,
)


@pytest.mark.parametrize("pinned", [{"chain": 1}, {"hub": NOBODY}, {"broker": NOBODY}])
def test_2_a_receipt_about_another_chain_hub_or_broker_is_refused(pinned):
    refused(2, Job().encode(), replace(PINS, **pinned))


@pytest.mark.parametrize(
    "pinned",
    [
        {"vaults": (*VAULTS[:2], to_address(b"\xff" * 20))},
        {"vaults": VAULTS[:1], "t": 1},
    ],
)
def test_3_a_receipt_with_other_vaults_is_refused(pinned):
    refused(3, Job().encode(), replace(PINS, **pinned))


def test_3_a_receipt_with_a_lower_threshold_is_refused():
    refused(3, Job(body={"t": 1}).encode())


def test_3_a_receipt_that_lacks_a_vaults_nonce_is_refused():
    refused(3, Job(body={"nonces": dict.fromkeys(VAULTS[:2], OTHER)}).encode())


def test_4_a_body_that_another_key_signed_is_refused():
    forged = alter(Job().receipt, {"signature": STRANGER.sign(bytes(32))})
    refused(4, Job().encode(receipt=forged))


@pytest.mark.parametrize("signature", [b"", bytes(65), b"\xff" * 65])
def test_4_a_body_with_no_signature_is_refused(signature):
    refused(4, Job().encode(receipt=alter(Job().receipt, {"signature": signature})))


def test_4_a_body_that_names_another_enclave_is_refused():
    refused(4, Job(body={"enclave": STRANGER.address}).encode())


def test_a_release_without_a_log_proof_passes_and_is_reported():
    job = Job()
    bare = {vault: alter(each, {"log": None}) for vault, each in job.releases.items()}
    document = job.encode(releases=bare)
    assert b'"log"' not in document
    report = verify(document, PINS)
    assert report.ok
    assert "none of the releases" in report.checks[4].detail
    assert "2 of the releases" in verify(job.encode(), PINS).checks[4].detail


def with_log(job, **changes):
    vault, released = next(iter(job.releases.items()))
    return job.encode(releases=job.releases | {vault: alter(released, {"log": alter(released.log, changes)})})


def test_5_a_head_of_another_vaults_log_is_refused():
    job = Job()
    other = job.logged_by(VAULT_KEYS[2], job.releases[VAULTS[0]].release)
    assert "(log.1)" in refused(5, with_log(job, head=other.head, signature=other.signature))


def test_5_a_head_that_its_vault_did_not_sign_is_refused():
    job = Job()
    head = job.releases[VAULTS[0]].log.head
    assert "(log.2)" in refused(5, with_log(job, signature=head.sign(DOMAIN, STRANGER)))


def test_5_an_entry_that_does_not_stand_under_the_head_is_refused():
    job = Job()
    assert "(log.4)" in refused(5, with_log(job, path=()))
    assert "(log.4)" in refused(5, with_log(job, index=1))


def test_5_an_entry_about_another_release_is_refused_although_it_is_in_the_log():
    job = Job()
    later = alter(job.releases[VAULTS[0]].release, {"issued": NOW - 9})
    other = job.logged_by(VAULT_KEYS[0], later)
    changes = {name: getattr(other, name) for name in ("head", "signature", "entry", "index", "path")}
    assert "logged another release" in refused(5, with_log(job, **changes))


def test_5_one_release_where_two_are_needed_is_refused():
    assert "2 are needed" in refused(5, Job(released_by=VAULT_KEYS[:1]).encode())


def test_5_a_strangers_release_is_refused_even_beside_enough_others():
    assert "not a pinned vault" in refused(5, Job(released_by=[*VAULT_KEYS[:2], STRANGER]).encode())


def test_5_one_vaults_release_under_two_names_is_refused():
    job = Job()
    twice = dict.fromkeys(VAULTS[:2], job.releases[VAULTS[0]])
    assert "not signed by it" in refused(5, job.encode(releases=twice))


@pytest.mark.parametrize("change", [{"facts": OTHER}, {"secrets": OTHER}])
def test_5_a_release_over_other_facts_or_secrets_is_refused(change):
    refused(5, Job(release=change).encode())


def test_5_releases_for_two_sessions_are_refused():
    job, other = Job(), Job(release={"session": OTHER})
    mixed = {VAULTS[0]: job.releases[VAULTS[0]], VAULTS[1]: other.releases[VAULTS[1]]}
    assert "different sessions" in refused(5, job.encode(releases=mixed))


@pytest.mark.parametrize("facts", ["", "{}", FACTS.encode().decode() + " "])
def test_5_facts_that_the_vaults_did_not_sign_are_refused(facts):
    refused(5, Job().encode(facts=facts))


def test_9_one_verdict_where_two_are_needed_is_refused():
    refused(9, Job(judged_by=VAULT_KEYS[:1]).encode())


def test_9_no_verdict_at_all_is_refused():
    refused(9, Job(judged_by=()).encode())


def test_9_a_strangers_verdict_is_refused_even_beside_enough_others():
    refused(9, Job(judged_by=[*VAULT_KEYS[:2], STRANGER]).encode())


def test_9_one_vaults_verdict_under_two_names_is_refused():
    job = Job()
    refused(9, job.encode(verdicts=dict.fromkeys(VAULTS[:2], job.verdicts[VAULTS[0]])))


@pytest.mark.parametrize(
    "change",
    [
        {"task": OTHER},
        {"worker": NOBODY},
        {"enclave": NOBODY},
        {"app": OTHER},
        {"runtime": OTHER},
        {"platform": Platform.TDX},
        {"session": OTHER},
        {"settle": OTHER},
        {"expiry": EXPIRY + 1},
        {"issued": EXPIRY + 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_9_a_verdict_about_anything_else_is_refused(change):
    refused(9, Job(verdict=change).encode())


def test_10_a_quote_of_a_machine_under_another_root_is_refused():
    assert "(2.2)" in refused(10, Job(quoter=OTHER_MACHINE).encode())


def test_10_a_simulated_quote_is_refused_where_simulation_is_not_allowed():
    assert "(2.3)" in refused(10, Job().encode(), replace(PINS, allow_simulated=False))


def test_10_collateral_that_had_expired_when_the_verdicts_were_issued_is_refused():
    pins = replace(PINS, roots=(EXPIRED_MACHINE.trust_root,))
    assert "(2.4)" in refused(10, Job(quoter=EXPIRED_MACHINE).encode(), pins)


def test_10_collateral_below_the_pinned_evaluation_number_is_refused():
    assert "(2.5)" in refused(
        10, Job().encode(), replace(PINS, roots=(replace(MACHINE.trust_root, minimum_eval_number=18),))
    )


def test_10_a_quote_with_one_flipped_bit_is_refused():
    quote = bytearray(Job().receipt.body.quote)
    quote[600] ^= 1
    assert "(2.4)" in refused(10, Job(body={"quote": bytes(quote)}).encode())


def test_10_collateral_of_another_machine_is_refused():
    theirs = OTHER_MACHINE.collateral.raw.decode()
    assert "(2.4)" in refused(10, Job(body={"collateral": theirs}).encode())


@pytest.mark.parametrize("days", [(-2, 0), (0, 60)])
def test_10_evidence_must_hold_at_the_first_and_at_the_last_time_of_issue(days):
    expiry = {"expiry": NOW + 90 * DAY}
    job = Job(facts=expiry)
    verdicts = {
        key.address: job.verdict_by(key, {"issued": NOW + day * DAY, **expiry})
        for key, day in zip(VAULT_KEYS, days, strict=False)
    }
    assert "(2.4)" in refused(10, job.encode(verdicts=verdicts))


def test_11_a_receipt_that_names_another_runtime_than_its_evidence_is_refused():
    refused(11, Job(body={"runtime": OTHER}).encode(), replace(PINS, runtimes=None))


def test_11_a_simulated_quote_that_is_called_tdx_is_refused():
    refused(11, Job(body={"platform": Platform.TDX}).encode())


def test_11_a_runtime_that_is_not_pinned_is_refused():
    refused(11, Job().encode(), replace(PINS, runtimes=frozenset({OTHER})))


def test_11_without_pinned_runtimes_the_vaults_decision_counts():
    assert verify(Job().encode(), replace(PINS, runtimes=None)).ok


@pytest.mark.parametrize(
    "change",
    [
        {"task": OTHER},
        {"worker": NOBODY},
        {"enclave": NOBODY},
        {"hpke_public": b"\xee" * 32},
        {"vault_set": OTHER},
        {"app_digest": OTHER},
        {"nonces": (bytes(32),) * 3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_12_a_quote_made_for_anything_else_is_refused(change):
    refused(12, Job(quoted=change).encode())


def test_12_releases_and_verdicts_about_another_session_are_refused():
    refused(12, Job(release={"session": OTHER}, verdict={"session": OTHER}).encode())


@pytest.mark.parametrize("config", [bytes(48), locked_config(OTHER), locked_config(APP)[:-1] + b"\1"])
def test_13_evidence_that_locks_another_app_or_none_is_refused(config):
    refused(13, Job(config=config).encode())

"""Each numbered check of a receipt, and what it is there for."""

from dataclasses import replace

import msgspec
import pytest
from receipt_scene import (
    APP,
    BROKER,
    BUYER,
    CALLED_BACK,
    DOMAIN,
    EXPIRED_MACHINE,
    EXPIRY,
    FACTS,
    MACHINE,
    NOW,
    ORDER,
    ORDERS,
    OTHER_MACHINE,
    PINS,
    REQUESTER,
    RESULT_KEY,
    RUNTIME,
    SIGNED,
    STRANGER,
    VAULT_KEYS,
    VAULTS,
    Job,
    alter,
)

from sealgrid.attestation.binding import locked_config
from sealgrid.attestation.facts import BulkFact
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.simulated import DAY
from sealgrid.crypto.digests import canonical, keccak256
from sealgrid.errors import InputRefused, ReceiptRefused
from sealgrid.poco.typed_data import sign_order
from sealgrid.receipts.deferred_callback import DeferredCallback, deferred_digest
from sealgrid.receipts.report import TrustPins
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.receipts.verify import verify
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest

OTHER = to_digest(b"\xee" * 32)
NOBODY = to_address(b"\xee" * 20)


def params_for(key):
    return canonical({"sealgrid": {"result_key": key}}).decode()


def refused(number, document, pins=PINS, onchain=None):
    report = verify(document, pins, onchain)
    assert not report.ok
    assert report.failed.number == number, report.failed
    place = [check.number for check in report.checks].index(number)
    assert all(check.ok for check in report.checks[:place])
    assert not any(check.ok for check in report.checks[place:])
    with pytest.raises(ReceiptRefused) as caught:
        report.require()
    assert caught.value.check == str(number)
    return report.failed.detail


def test_a_valid_receipt_passes_every_check_off_line():
    report = verify(Job().encode(), PINS)
    assert [check.number for check in report.checks] == [*range(1, 14), 20]
    assert report.ok, report.failed
    report.require()


def test_a_valid_receipt_passes_every_check_on_line():
    job = Job()
    report = verify(job.encode(), PINS, job.onchain())
    assert [check.number for check in report.checks] == list(range(1, 21))
    assert report.ok, report.failed


def test_all_three_vaults_may_have_signed():
    assert verify(Job(released_by=VAULT_KEYS, judged_by=VAULT_KEYS).encode(), PINS).ok


def test_other_two_vaults_may_have_released_than_judged():
    assert verify(Job(released_by=VAULT_KEYS[:2], judged_by=VAULT_KEYS[1:]).encode(), PINS).ok


def test_a_receipt_is_judged_as_of_its_verdicts_not_as_of_today():
    """The collateral inside was valid for 30 days; nothing here asks what day it is."""
    assert verify(Job(verdict={"issued": NOW + 100}).encode(), PINS).ok


def test_a_job_without_dataset_and_inputs_passes():
    params = params_for(RESULT_KEY)
    facts = {"dataset": None, "inputs": (), "secrets": (), "params": params}
    job = Job(facts=facts, order={"dataset": ZERO_ADDRESS, "params": params})
    assert verify(job.encode(), PINS, job.onchain(dataset_checksum=None)).ok


def test_a_callback_job_settles_the_digest_that_poco_fixes():
    job = Job(facts={"callback": NOBODY}, order={"callback": NOBODY}, callback=CALLED_BACK)
    assert job.settle.result_digest == to_digest(keccak256(CALLED_BACK))
    assert verify(job.encode(), PINS, job.onchain()).ok


DEFERRED = {"params": '{"sealgrid":{"callback":"deferred","result_key":"0x' + "34" * 32 + '"}}'}
COMMITMENT = DeferredCallback(b"score 97", b"\x5a" * 32).commitment()


def test_a_job_with_a_deferred_callback_settles_a_digest_over_its_commitment():
    job = Job(facts=DEFERRED | {"inputs": ()}, order=DEFERRED, body={"commitment": COMMITMENT})
    covered = job.receipt.body.covering_digest
    assert job.settle.result_digest == deferred_digest(covered, COMMITMENT) != covered
    assert verify(job.encode(), PINS, job.onchain()).ok


def test_6_a_commitment_that_nobody_asked_for_is_refused():
    refused(6, Job(body={"commitment": COMMITMENT}).encode())


def test_6_a_job_with_a_deferred_callback_and_no_commitment_is_refused():
    refused(6, Job(facts=DEFERRED).encode())


def test_8_another_commitment_than_the_settled_one_is_refused():
    job = Job(facts=DEFERRED, body={"commitment": COMMITMENT})
    other = deferred_digest(job.receipt.body.covering_digest, to_digest(b"\x5b" * 32))
    refused(8, Job(facts=DEFERRED, body={"commitment": COMMITMENT}, settle={"result_digest": other}).encode())


@pytest.mark.parametrize(("told", "judge"), [({}, "broker"), ({"broker": ZERO_ADDRESS, "pool_owner": BROKER}, "gate")])
def test_14_says_who_judged(told, judge):
    job = Job()
    report = verify(job.encode(), PINS, job.onchain(**told))
    assert report.ok
    assert report.checks[13].detail == f"{judge} {BROKER}"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        Job().encode() + b"\n",
        b" " + Job().encode(),
        Job().encode().replace(b'"attempt":1', b'"attempt": 1'),
        Job().encode().replace(b'"attempt":1', b'"attempt":1,"attempt":1'),
        Job().encode().replace(b'"exit_class":"ok"', b'"exit_class":"fine"'),
        Job().encode().replace(b'"platform":255', b'"platform":9'),
        Job().encode().replace(b'"task"', b'"tusk"'),
        b'{"alien":' + b"[" * 100_000,
        b"[" * 100_000,
        bytes(5 << 20),
    ],
)
def test_1_what_is_no_canonical_envelope_is_refused(document):
    refused(1, document)


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
def test_3_a_receipt_that_believes_other_vaults_is_refused(pinned):
    refused(3, Job().encode(), replace(PINS, **pinned))


def test_3_a_receipt_with_a_lower_threshold_is_refused():
    refused(3, Job(body={"t": 1}).encode())


def test_3_a_receipt_that_lacks_a_vaults_nonce_is_refused():
    refused(3, Job(body={"nonces": dict.fromkeys(VAULTS[:2], OTHER)}).encode())


def test_4_a_body_that_somebody_else_signed_is_refused():
    forged = alter(Job().receipt, {"signature": STRANGER.sign(bytes(32))})
    refused(4, Job().encode(receipt=forged))


@pytest.mark.parametrize("signature", [b"", bytes(65), b"\xff" * 65])
def test_4_a_body_with_no_signature_is_refused(signature):
    refused(4, Job().encode(receipt=alter(Job().receipt, {"signature": signature})))


def test_4_a_body_that_names_another_enclave_is_refused():
    refused(4, Job(body={"enclave": STRANGER.address}).encode())


def test_a_release_without_the_proof_of_a_log_passes_and_is_said_to_have_none():
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


def test_5_an_entry_about_another_release_is_refused_though_it_stands_in_the_log():
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


@pytest.mark.parametrize(
    "change",
    [
        {"deal": OTHER},
        {"task": OTHER},
        {"attempt": 2},
        {"pool": NOBODY},
        {"worker": NOBODY},
        {"inputs": ()},
        {"inputs": (OTHER,)},
        {"dataset": None},
        {"app": alter(FACTS.app, {"digest": OTHER})},
        {"app": alter(FACTS.app, {"address": NOBODY})},
        {"callback_digest": OTHER},
    ],
    ids=lambda change: next(iter(change)),
)
def test_6_a_body_that_says_other_than_the_facts_is_refused(change):
    assert next(iter(change)).split("_", 1)[0] in refused(6, Job(body=change).encode())


def test_6_a_task_that_is_not_of_this_deal_and_index_is_refused():
    refused(6, Job(facts={"index": 8}).encode())


def test_6_a_callback_job_whose_body_tells_no_callback_is_refused():
    refused(6, Job(facts={"callback": NOBODY}).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"task": OTHER},
        {"worker": NOBODY},
        {"enclave": NOBODY},
        {"sealed_sha256": OTHER},
        {"receipt_sha256": OTHER},
    ],
    ids=lambda change: next(iter(change)),
)
def test_7_a_settle_about_anything_else_is_refused(change):
    refused(7, Job(settle=change).encode())


def test_7_a_settle_that_the_enclave_did_not_sign_is_refused():
    job = Job()
    refused(7, job.encode(settle_signature=job.settle.sign(DOMAIN, STRANGER)))


def test_8_a_settled_digest_that_does_not_follow_from_the_receipt_is_refused():
    refused(8, Job(settle={"result_digest": OTHER}).encode())


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


def test_11_without_pinned_runtimes_the_vaults_word_counts():
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


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (14, {"broker": NOBODY}),
        (14, {"broker": ZERO_ADDRESS}),
        (14, {"broker": NOBODY, "pool_owner": BROKER}),
        (15, {"completed": False}),
        (15, {"result_digest": OTHER}),
        (16, {"proved": False}),
        (16, {"worker": NOBODY}),
        (16, {"enclave_challenge": NOBODY}),
        (17, {"app_checksum": OTHER}),
        (17, {"dataset_checksum": None}),
        (17, {"pool": NOBODY}),
        (18, {"sealed_sha256": OTHER}),
        (18, {"sealed_sha256": None}),
        (19, {"receipt_sha256": OTHER}),
        (19, {"receipt_sha256": None}),
    ],
)
def test_what_the_chain_or_the_storage_says_otherwise_is_refused(number, told):
    job = Job()
    refused(number, job.encode(), onchain=job.onchain(**told))


def test_20_says_whose_word_the_requesters_signature_is():
    own = verify(Job().encode(), PINS).checks[-1]
    assert (own.number, own.ok, own.detail) == (20, True, f"requester {REQUESTER}; the requester's own signature")
    for kind in ("presigned", "contract"):
        last = verify(Job(signature=kind).encode(), PINS).checks[-1]
        assert last.ok
        assert last.detail.endswith("t vaults vouch for the requester's signature")


def request_of(order):
    return {"request": RequestDocument.of(order)}


@pytest.mark.parametrize(
    "change",
    [
        {"params": params_for(OTHER)},
        {"salt": OTHER},
        {"workerpoolmaxprice": 1},
        {"app": NOBODY},
    ],
    ids=lambda change: next(iter(change)),
)
def test_20_an_order_that_is_not_the_tasks_is_refused_whoever_signed_it(change):
    other = sign_order(alter(ORDER, change), ORDERS, BUYER)
    assert refused(20, Job(body=request_of(other)).encode()).startswith("(13)")


def test_20_facts_that_tell_another_first_index_than_the_task_has_are_refused():
    assert refused(20, Job(facts={"bot_first": 6}).encode()).startswith("(13)")


@pytest.mark.parametrize("sign", [b"", SIGNED.sign[:63], SIGNED.sign[:-1] + b"\x1d", STRANGER.sign(bytes(32))])
def test_20_an_order_that_its_requester_did_not_sign_is_refused_where_facts_say_it_did(sign):
    unsigned = alter(SIGNED, {"sign": sign})
    assert refused(20, Job(body=request_of(unsigned)).encode()).startswith("(14)")


@pytest.mark.parametrize("kind", ["presigned", "contract"])
def test_20_vaults_cannot_call_the_requesters_own_signature_anything_else(kind):
    job = Job(signature=kind, body=request_of(SIGNED))
    assert refused(20, job.encode()).startswith("(14)")


def test_20_the_short_form_of_a_signature_counts_as_poco_counts_it():
    r, s, v = SIGNED.sign[:32], bytearray(SIGNED.sign[32:64]), SIGNED.sign[64]
    s[0] |= (v - 27) << 7
    assert verify(Job(body=request_of(alter(SIGNED, {"sign": r + bytes(s)}))).encode(), PINS).ok


def test_20_a_number_that_no_order_can_have_is_refused():
    huge = msgspec.structs.replace(RequestDocument.of(SIGNED), volume=str(2**256))
    assert "does not fit" in refused(20, Job(body={"request": huge}).encode())


@pytest.mark.parametrize(
    "facts",
    [
        {"requester": NOBODY},
        {"beneficiary": NOBODY},
        {"result_key": OTHER},
        {"params": "{}"},
        {"inputs": (OTHER,)},
        {"callback": NOBODY},
        {"app": alter(FACTS.app, {"address": NOBODY})},
        {"dataset": None},
        {"dataset": alter(FACTS.dataset, {"address": NOBODY})},
        {"bulk": BulkFact(block=7, datasets=(), left_out=())},
    ],
    ids=lambda change: next(iter(change)),
)
def test_20_facts_that_differ_from_the_signed_order_are_refused(facts):
    callback = CALLED_BACK if "callback" in facts else None
    body = {"bulk": ()} if "bulk" in facts else {}
    assert refused(20, Job(facts=facts, callback=callback, body=body).encode()).startswith("(15)")


@pytest.mark.parametrize(
    "pinned",
    [
        {"t": 0, "vaults": ()},
        {"t": 1},
        {"vaults": VAULTS[::-1]},
        {"vaults": (VAULTS[0], VAULTS[0], VAULTS[1])},
    ],
)
def test_pins_that_would_accept_anything_cannot_be_made(pinned):
    with pytest.raises(InputRefused, match="vaults"):
        replace(PINS, **pinned)


def test_pins_know_the_domain_of_every_signature():
    assert TrustPins(chain=31337, hub=PINS.hub, broker=PINS.broker, vaults=VAULTS, t=2, roots=()).domain == DOMAIN
    assert RUNTIME in PINS.runtimes
    assert [root.root_ca_der for root in PINS.roots] == [MACHINE.root_der]


REFUSED = {"facts": {"refusal": "7.10", "secrets": (), "inputs": ()}, "body": {"exit_class": "refused"}}


def test_a_receipt_of_a_refused_deal_passes_and_names_the_refusal():
    report = verify(Job(**REFUSED).encode(), PINS)
    assert report.ok
    assert "refused by (7.10): the dataset's owner refuses this requester." in report.checks[5].detail


def test_a_receipt_of_a_dataset_that_did_not_open_passes():
    assert verify(Job(body={"exit_class": "unopened"}).encode(), PINS).ok


def test_6_a_dataset_that_did_not_open_where_the_facts_name_none():
    job = Job(facts={"dataset": None, "secrets": ()}, body={"dataset": None, "exit_class": "unopened"})
    failed = verify(job.encode(), PINS).failed
    assert (failed.number, "facts name no dataset" in failed.detail) == (6, True)


@pytest.mark.parametrize("ended", ["ok", "app-failed"])
def test_a_receipt_of_a_dataset_that_opened_passes(ended):
    assert verify(Job(body={"exit_class": ended, "opened": True}).encode(), PINS).ok


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": {"exit_class": "unopened", "opened": True}},
        {"facts": {"dataset": None, "secrets": ()}, "body": {"dataset": None, "opened": True}},
    ],
)
def test_6_a_dataset_that_opened_where_none_can_have(wrong):
    failed = verify(Job(**wrong).encode(), PINS).failed
    assert (failed.number, "no dataset of the facts can have" in failed.detail) == (6, True)


@pytest.mark.parametrize("half", REFUSED)
def test_6_a_receipt_and_facts_that_disagree_about_a_refusal(half):
    failed = verify(Job(**{half: REFUSED[half]}).encode(), PINS).failed
    assert (failed.number, "inputs" in failed.detail or "refusal" in failed.detail) == (6, True)

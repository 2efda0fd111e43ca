"""Checks (6) to (8): receipt, facts and Settle agree."""

import pytest

from sealgrid.attestation.binding import session
from sealgrid.attestation.policy import Platform
from sealgrid.errors import ReceiptRefused
from sealgrid.receipts import consistency
from sealgrid.receipts.deferred_callback import deferred_digest
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.receipts.verify import verify
from sealgrid.units import to_address, to_digest
from tests.unit.receipts.receipt_scene import (
    COMMITMENT,
    DEFERRED,
    DOMAIN,
    FACTS,
    NOBODY,
    OTHER,
    PINS,
    RUNTIME,
    SIGNED,
    STRANGER,
    Job,
    alter,
    refused,
)


def test_6_an_unrequested_commitment_is_refused():
    refused(6, Job(body={"commitment": COMMITMENT}).encode())


def test_6_a_job_with_a_deferred_callback_and_no_commitment_is_refused():
    refused(6, Job(facts=DEFERRED).encode())


def test_8_another_commitment_than_the_settled_one_is_refused():
    job = Job(facts=DEFERRED, body={"commitment": COMMITMENT})
    other = deferred_digest(job.receipt.body.covering_digest, to_digest(b"\x5b" * 32))
    refused(8, Job(facts=DEFERRED, body={"commitment": COMMITMENT}, settle={"result_digest": other}).encode())


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
def test_6_a_body_that_differs_from_the_facts_is_refused(change):
    assert next(iter(change)).split("_", 1)[0] in refused(6, Job(body=change).encode())


def test_6_a_task_that_is_not_of_this_deal_and_index_is_refused():
    refused(6, Job(facts={"index": 8}).encode())


def test_6_a_callback_job_whose_body_has_no_callback_is_refused():
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
    assert (failed.number, "the facts or the exit class exclude that" in failed.detail) == (6, True)


@pytest.mark.parametrize("half", REFUSED)
def test_6_a_receipt_and_facts_that_disagree_about_a_refusal(half):
    failed = verify(Job(**{half: REFUSED[half]}).encode(), PINS).failed
    assert (failed.number, "inputs" in failed.detail or "refusal" in failed.detail) == (6, True)


JOB = Job()


def settle_at_vault(job, **changes):
    found = {
        "domain": DOMAIN,
        "platform": Platform.SIMULATED,
        "runtime": RUNTIME,
        "session": session(job.report_data),
    }
    return consistency.check_receipt(job.receipt.encode(), job.settle, job.facts, **{**found, **changes})


def test_a_vault_accepts_the_receipt_of_its_own_session():
    assert settle_at_vault(JOB) == JOB.receipt.body


@pytest.mark.parametrize(
    ("number", "job", "found"),
    [
        ("4", Job(body={"enclave": to_address(b"\1" * 20)}), {}),
        ("6", Job(body={"inputs": ()}), {}),
        ("7", Job(settle={"sealed_sha256": to_digest(b"\1" * 32)}), {}),
        ("8", Job(settle={"result_digest": to_digest(b"\1" * 32)}), {}),
        ("11", JOB, {"runtime": to_digest(b"\1" * 32)}),
        ("11", JOB, {"platform": Platform.TDX}),
        ("12", JOB, {"session": to_digest(b"\1" * 32)}),
        ("12", Job(body={"hpke_public": to_digest(b"\1" * 32)}), {}),
        ("20", Job(body={"request": RequestDocument.of(alter(SIGNED, {"sign": b""}))}), {}),
    ],
)
def test_a_vault_refuses_a_receipt_that_is_not_of_the_session_it_released_to(number, job, found):
    with pytest.raises(ReceiptRefused) as caught:
        settle_at_vault(job, **found)
    assert caught.value.check == number

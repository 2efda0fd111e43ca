"""Valid receipts pass every check, and check (1)."""

import pytest

from sealgrid.crypto.digests import keccak256
from sealgrid.errors import ReceiptRefused
from sealgrid.receipts.deferred_callback import deferred_digest
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.receipts.verify import verify, verify_paid
from sealgrid.units import ZERO_ADDRESS, to_digest
from tests.unit.receipts.receipt_scene import (
    CALLED_BACK,
    COMMITMENT,
    DEFERRED,
    NOBODY,
    NOW,
    OTHER_SIGNED,
    PINS,
    RESULT_KEY,
    VAULT_KEYS,
    Job,
    params_for,
    refused,
)


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


def test_a_job_with_a_deferred_callback_settles_a_digest_over_its_commitment():
    job = Job(facts=DEFERRED | {"inputs": ()}, order=DEFERRED, body={"commitment": COMMITMENT})
    covered = job.receipt.body.covering_digest
    assert job.settle.result_digest == deferred_digest(covered, COMMITMENT) != covered
    assert verify(job.encode(), PINS, job.onchain()).ok


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
def test_1_an_envelope_that_is_not_canonical_is_refused(document):
    refused(1, document)


def test_a_paid_receipt_is_verified_although_its_files_are_no_longer_stored():
    job = Job()
    stored_nowhere = job.onchain(sealed_sha256=None, receipt_sha256=None)
    assert verify_paid(job.encode(), PINS, stored_nowhere).body == job.envelope().receipt.body


@pytest.mark.parametrize(("number", "changes"), [("15", {"completed": False}), ("16", {"proved": False})])
def test_a_receipt_that_the_chain_did_not_pay_is_not_verified(number, changes):
    job = Job()
    with pytest.raises(ReceiptRefused) as refused:
        verify_paid(job.encode(), PINS, job.onchain(**changes))
    assert refused.value.check == number


def test_20_a_paid_receipt_with_another_order_is_not_verified():
    job = Job(body={"request": RequestDocument.of(OTHER_SIGNED)})
    with pytest.raises(ReceiptRefused) as refused:
        verify_paid(job.encode(), PINS, job.onchain())
    assert refused.value.check == "20"

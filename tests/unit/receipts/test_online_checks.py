"""Checks (14) to (19): the chain and the storage agree with the receipt."""

import pytest

from sealgrid.receipts.verify import verify
from sealgrid.units import ZERO_ADDRESS
from tests.unit.receipts.receipt_scene import (
    BROKER,
    NOBODY,
    OTHER,
    PINS,
    Job,
    refused,
)


@pytest.mark.parametrize(
    ("changes", "judge"), [({}, "broker"), ({"broker": ZERO_ADDRESS, "pool_owner": BROKER}, "gate")]
)
def test_14_reports_who_judged(changes, judge):
    job = Job()
    report = verify(job.encode(), PINS, job.onchain(**changes))
    assert report.ok
    assert report.checks[13].detail == f"{judge} {BROKER}"


@pytest.mark.parametrize(
    ("number", "changes"),
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
def test_a_receipt_that_chain_or_storage_contradict_is_refused(number, changes):
    job = Job()
    refused(number, job.encode(), onchain=job.onchain(**changes))

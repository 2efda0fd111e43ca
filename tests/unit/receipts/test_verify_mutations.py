"""A change of any field of a receipt is detected, and no input raises."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.receipts.verify import verify
from tests.unit.receipts.receipt_mutations import leaves, mutate, number_for
from tests.unit.receipts.receipt_scene import PINS, VAULTS, Job

JOB = Job()
DOCUMENT = JOB.encode()


@pytest.mark.parametrize("path", list(leaves(json.loads(DOCUMENT))), ids=lambda path: ".".join(map(str, path)))
def test_a_change_of_any_field_is_refused_by_its_check(path):
    assert verify(mutate(DOCUMENT, path), PINS).failed.number == number_for(path)


@settings(max_examples=150)
@given(st.data())
def test_a_change_of_any_byte_is_refused(data):
    offset = data.draw(st.integers(0, len(DOCUMENT) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != DOCUMENT[offset]))
    assert not verify(DOCUMENT[:offset] + bytes([value]) + DOCUMENT[offset + 1 :], PINS).ok


@given(st.binary())
def test_no_bytes_raise(document):
    report = verify(document, PINS, JOB.onchain())
    assert report.failed.number == 1
    assert len(report.checks) == 20


@pytest.mark.parametrize("vault", VAULTS[:2])
def test_removing_a_vaults_statement_is_refused(vault):
    without = {address: JOB.verdicts[address] for address in JOB.verdicts if address != vault}
    assert verify(JOB.encode(verdicts=without), PINS).failed.number == 9

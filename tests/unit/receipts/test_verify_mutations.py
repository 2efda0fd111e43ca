"""A change of any field of a receipt is detected, and no input raises."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from receipt_mutations import leaves, mutate, number_for
from receipt_scene import DOMAIN, NOW, PINS, RUNTIME, SIGNED, VAULTS, Job, alter

from sealgrid.attestation.binding import session
from sealgrid.attestation.policy import Platform
from sealgrid.errors import InputRefused, ReceiptRefused
from sealgrid.receipts import consistency
from sealgrid.receipts.receipt import parse_envelope, parse_signed_body
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.receipts.verify import verify
from sealgrid.units import to_address, to_digest

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


def test_an_envelope_and_its_signed_body_survive_the_wire():
    assert parse_envelope(DOCUMENT) == JOB.envelope()
    assert parse_signed_body(JOB.receipt.encode()) == JOB.receipt


@pytest.mark.parametrize("document", [b"", b"{}", JOB.receipt.encode() + b" ", DOCUMENT])
def test_an_invalid_signed_body_is_refused(document):
    with pytest.raises(InputRefused):
        parse_signed_body(document)


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


def test_the_body_labels_the_hosts_clock_as_the_hosts():
    body = JOB.receipt.body
    assert (body.host_time.started, body.host_time.finished) == (NOW - 9, NOW - 1)
    assert body.n == 3
    assert alter(body, {"exit_class": "app-failed"}).sha256() != body.sha256()

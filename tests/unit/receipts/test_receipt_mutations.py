"""No field of a receipt can be changed by whoever carries it, and nothing that they send raises."""

import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from receipt_scene import DOMAIN, NOW, PINS, RUNTIME, VAULTS, Job, alter

from sealgrid.attestation.binding import session
from sealgrid.attestation.policy import Platform
from sealgrid.errors import InputRefused, ReceiptRefused
from sealgrid.receipts import agreement
from sealgrid.receipts.receipt import parse_envelope, parse_signed_body
from sealgrid.receipts.verify import verify
from sealgrid.units import to_address, to_digest

JOB = Job()
DOCUMENT = JOB.encode()
BODY_CHECKS = {"chain": 2, "hub": 2, "broker": 2, "vaults": 3, "t": 3}


def leaves(node, path=()):
    if isinstance(node, dict):
        return [leaf for key, child in node.items() for leaf in leaves(child, (*path, key))]
    if isinstance(node, list):
        return [leaf for index, child in enumerate(node) for leaf in leaves(child, (*path, index))]
    return [path]


def changed(value):
    if isinstance(value, int):
        return value + 1
    if value is None:
        return "0x" + "11" * 32
    if value in ("ok", "escrow"):
        return {"ok": "app-failed", "escrow": "direct"}[value]
    last = value[-1]
    return value[:-1] + ("1" if last != "1" else "2")


def mutate(path):
    document = json.loads(DOCUMENT)
    node = document
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = changed(node[path[-1]])
    return rfc8785.dumps(document)


def number_for(path):
    """The check that must stop a change of this field."""
    if path[-1] == "schema":
        return 1
    if path[:2] == ("receipt", "body"):
        return BODY_CHECKS.get(path[2], 4)
    return {"receipt": 4, "facts": 5, "releases": 5, "settle": 7, "settle_signature": 7, "verdicts": 9}[path[0]]


def may_be_unreadable(path):
    """Base64 has spellings that are not canonical, and there are few platforms."""
    return path[-1] in ("signature", "settle_signature", "quote", "platform")


@pytest.mark.parametrize("path", leaves(json.loads(DOCUMENT)), ids=lambda path: ".".join(map(str, path)))
def test_a_change_of_any_field_is_refused_by_its_check(path):
    number = verify(mutate(path), PINS).failed.number
    assert number == number_for(path) or (number == 1 and may_be_unreadable(path))


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
    assert len(report.checks) == 19


@pytest.mark.parametrize("vault", VAULTS[:2])
def test_taking_away_a_vaults_word_is_refused(vault):
    without = {address: JOB.verdicts[address] for address in JOB.verdicts if address != vault}
    assert verify(JOB.encode(verdicts=without), PINS).failed.number == 9


def test_an_envelope_and_its_signed_body_survive_the_wire():
    assert parse_envelope(DOCUMENT) == JOB.envelope()
    assert parse_signed_body(JOB.receipt.encode()) == JOB.receipt


@pytest.mark.parametrize("document", [b"", b"{}", JOB.receipt.encode() + b" ", DOCUMENT])
def test_what_is_no_signed_body_is_refused(document):
    with pytest.raises(InputRefused):
        parse_signed_body(document)


def settle_at_vault(job, **changes):
    found = {
        "domain": DOMAIN, "platform": Platform.SIMULATED, "runtime": RUNTIME, "session": session(job.report_data),
    }  # fmt: skip
    return agreement.check_receipt(job.receipt.encode(), job.settle, job.facts, **{**found, **changes})


def test_a_vault_accepts_the_receipt_of_its_own_session():
    assert settle_at_vault(JOB) == JOB.receipt.body


@pytest.mark.parametrize(("number", "job", "found"), [
    ("4", Job(body={"enclave": to_address(b"\1" * 20)}), {}),
    ("6", Job(body={"inputs": ()}), {}),
    ("7", Job(settle={"sealed_sha256": to_digest(b"\1" * 32)}), {}),
    ("8", Job(settle={"result_digest": to_digest(b"\1" * 32)}), {}),
    ("11", JOB, {"runtime": to_digest(b"\1" * 32)}),
    ("11", JOB, {"platform": Platform.TDX}),
    ("12", JOB, {"session": to_digest(b"\1" * 32)}),
    ("12", Job(body={"hpke_public": to_digest(b"\1" * 32)}), {}),
])  # fmt: skip
def test_a_vault_refuses_a_receipt_that_is_not_of_the_session_it_released_to(number, job, found):
    with pytest.raises(ReceiptRefused) as caught:
        settle_at_vault(job, **found)
    assert caught.value.check == number


def test_the_body_labels_the_hosts_clock_as_the_hosts():
    body = JOB.receipt.body
    assert (body.host_time.started, body.host_time.finished) == (NOW - 9, NOW - 1)
    assert body.n == 3
    assert alter(body, {"exit_class": "app-failed"}).sha256() != body.sha256()

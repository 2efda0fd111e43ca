"""Documents of a receipt: canonical on the wire, and the host's clock is marked as the host's."""

import codecs
import json

import pytest

from sealgrid.errors import InputRefused
from sealgrid.receipts.receipt import parse_envelope, parse_signed_body
from tests.unit.receipts.receipt_scene import NOW, Job, alter

JOB = Job()
DOCUMENT = JOB.encode()


def test_an_envelope_and_its_signed_body_survive_the_wire():
    assert parse_envelope(DOCUMENT) == JOB.envelope()
    assert parse_signed_body(JOB.receipt.encode()) == JOB.receipt


@pytest.mark.parametrize("document", [b"", b"{}", JOB.receipt.encode() + b" ", DOCUMENT])
def test_an_invalid_signed_body_is_refused(document):
    with pytest.raises(InputRefused):
        parse_signed_body(document)


def test_the_body_labels_the_hosts_clock_as_the_hosts():
    body = JOB.receipt.body
    assert (body.host_time.started, body.host_time.finished) == (NOW - 9, NOW - 1)
    assert body.n == 3
    assert alter(body, {"exit_class": "app-failed"}).sha256() != body.sha256()


CHANGED = {
    "a line end at its end": DOCUMENT + b"\n",
    "CRLF": DOCUMENT + b"\r\n",
    "spaces": json.dumps(json.loads(DOCUMENT), indent=2).encode(),
    "a byte order mark": codecs.BOM_UTF8 + DOCUMENT,
    "UTF-16": DOCUMENT.decode().encode("utf-16"),
}


@pytest.mark.parametrize("change", CHANGED)
def test_an_envelope_that_a_program_rewrote_is_refused_with_that_reason(change):
    with pytest.raises(InputRefused, match=r"a program (changed its bytes|added a byte order mark).*use the original"):
        parse_envelope(CHANGED[change])

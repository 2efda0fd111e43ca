"""What fuzzing has found: each by the bytes that showed it."""

import asyncio
import base64
import json
import socket
import zipfile

import pytest

from sealgrid.bundle.archive import is_regular
from sealgrid.bundle.job_input import JobInput, unpack
from sealgrid.errors import EvidenceRefused, HostFailed, InputRefused, ServiceUnavailable
from sealgrid.wire.http_transport import parse_error
from sealgrid.wire.message import decode, parse
from sealgrid.wire.relay import RelayClient
from tests.fuzz.parsers import parsers

NO_TEXT = b'{"\xff": "1"}'


def test_a_message_whose_key_is_no_text_is_refused():
    with pytest.raises(InputRefused):
        parse(NO_TEXT, dict[str, str])


def test_an_answer_whose_key_is_no_text_is_an_error_of_the_service():
    with pytest.raises(ServiceUnavailable):
        decode(NO_TEXT, dict[str, str])
    assert isinstance(parse_error(NO_TEXT, 500), ServiceUnavailable)


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"InputRefused"}',
        b'{"type":"EvidenceRefused","check":"2"}',
        b'{"type":"ProofRefused","error":"e","check":"x"}',
    ],
)
def test_an_error_that_lacks_its_sentence_or_number_is_one_of_its_status(body):
    assert type(parse_error(body, 403)) is InputRefused
    assert type(parse_error(body, 500)) is ServiceUnavailable


async def test_a_relay_that_answers_what_is_no_text_does_not_leave_the_enclave_waiting():
    ours, peer = socket.socketpair()
    client = RelayClient(*await asyncio.open_unix_connection(sock=ours))
    asking = asyncio.create_task(client.call("stage", path="attested"))
    answer = b"\x81\xa5err\xffr\xc0"
    await asyncio.to_thread(peer.sendall, len(answer).to_bytes(4, "big") + answer)
    with pytest.raises(HostFailed, match="broke"):
        await asyncio.wait_for(asking, 30)
    await client.close()
    peer.close()


def test_a_certificate_of_an_unknown_version_is_no_collateral():
    (parser_of_cache,) = [parser for parser in parsers() if parser.name == "cached collateral"]
    collateral = json.loads(parser_of_cache.seeds[0])
    pem = collateral["pck_crl_issuer_chain"]
    der = bytearray(base64.b64decode("".join(pem.split("-----")[2].split())))
    der[der.index(b"\xa0\x03\x02\x01\x02") + 4] = 10
    body = base64.encodebytes(bytes(der)).decode()
    collateral["pck_crl_issuer_chain"] = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
    with pytest.raises(EvidenceRefused) as caught:
        parser_of_cache.parse(json.dumps(collateral).encode())
    assert caught.value.check == "2.1"


def test_an_entry_that_has_no_name_is_no_plain_file():
    entry = zipfile.ZipInfo("x")
    entry.filename = ""
    assert not is_regular(entry)


def test_a_sealed_input_without_its_first_bytes_is_refused():
    archive = JobInput(("a",), (("one.txt", b"one"),)).pack()
    for cut in range(1, len(archive)):
        with pytest.raises(InputRefused):
            unpack(archive[cut:])


@pytest.mark.parametrize("number", [0, 1], ids=["bursts", "lists one entry a thousand times"])
def test_a_sealed_input_that_is_larger_inside_than_outside_is_refused(number):
    (sealed_input,) = [parser for parser in parsers() if parser.name == "sealed input"]
    with pytest.raises(InputRefused, match=r"more content than its own size|not a valid sealgrid/input/1"):
        unpack(sealed_input.hostile[number])

"""The enclave's end of the quoting interface: u32 length, then JSON or report data."""

import socket

import msgspec
import pytest

from sealgrid.enclave.protocol.quote_port import QuotePort
from sealgrid.errors import HostFailed
from sealgrid.wire.platform import QuoteAnswer

ANSWER = QuoteAnswer(quote=b"quote", collateral=b"{}", platform=255, runtime="0x" + "11" * 32)


@pytest.fixture
def ends():
    ours, platform = socket.socketpair()
    with ours, platform:
        yield ours, platform


def test_a_quote_is_requested_over_the_report_data(ends):
    ours, platform = ends
    body = msgspec.json.encode(ANSWER)
    platform.sendall(len(body).to_bytes(4, "big") + body)
    assert QuotePort(ours).quote(bytes(64)) == ANSWER
    assert platform.recv(100) == (64).to_bytes(4, "big") + bytes(64)


def test_an_answer_in_parts_is_joined(ends):
    ours, platform = ends
    body = msgspec.json.encode(ANSWER)
    framed = len(body).to_bytes(4, "big") + body
    port = QuotePort(ours)
    platform.sendall(framed[:3])
    platform.sendall(framed[3:10])
    platform.sendall(framed[10:])
    assert port.quote(bytes(64)) == ANSWER


def test_a_platform_that_closes_is_the_hosts_fault(ends):
    ours, platform = ends
    platform.close()
    with pytest.raises((HostFailed, BrokenPipeError)):
        QuotePort(ours).launch()


def test_no_quote_is_possible_after_closing(ends):
    port = QuotePort(ends[0])
    port.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        port.quote(bytes(64))

"""What runs inside a guest, over real sockets and a real runtime process; only the hardware is a test's."""

import json
import socket
import sys
import threading
from pathlib import Path

import pytest

from sealgrid.attestation.evidence import Collateral, Quote
from sealgrid.attestation.verification import verify
from sealgrid.errors import HostFailed, InputRefused
from sealgrid.platform import guest
from sealgrid.platform.guest import CollateralReply, CollateralRequest
from sealgrid.platform.hardware_quotes import RawQuote
from sealgrid.units import to_bytes
from sealgrid.wire.message import encode, parse
from tests.unit.attestation.snp_machine import NOW, SnpMachine, report
from tests.unit.platform.enclave_scene import APP, request

BOOT = Path(__file__).parent / "boot_for_tests.py"
SOURCE = str(Path(guest.__file__).parents[2])
DATA = bytes(range(64))
AMD = SnpMachine()


class Hardware:
    """Reports as a chip would sign them, about a guest that was launched for one app."""

    requests = 0

    def quote(self, report_data):
        self.requests += 1
        return RawQuote(report(report_data=report_data, host_data=to_bytes(APP, 32)), b"table")


class Host:
    """The host's two ends, and a guest that runs in a thread."""

    def __init__(self, folder, hardware):
        self.path = str(folder / "vsock")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(2)
        self.ended = []
        self.thread = threading.Thread(target=self._guest, args=(hardware,))
        self.thread.start()
        self.control = self._connect()

    def _guest(self, hardware):
        def start(relay, quoting):
            command = [sys.executable, str(BOOT), str(relay.fileno()), str(quoting.fileno()), SOURCE]
            return guest.start_process(command, relay, quoting)

        try:
            self.ended.append(guest.serve(self.listener, hardware, start))
        except (HostFailed, InputRefused) as error:
            self.ended.append(error)

    def _connect(self):
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel.connect(self.path)
        channel.settimeout(60)
        return channel

    def launch(self, body=None):
        guest._send(self.control, encode(request(APP, "")) if body is None else body)
        self.relay = self._connect()
        self.lines = self.relay.makefile("rwb")

    def ask(self, *question):
        self.lines.write(json.dumps(question).encode() + b"\n")
        self.lines.flush()

    def answer(self):
        return json.loads(self.lines.readline())["ok"]

    def close(self):
        for end in (getattr(self, "lines", None), getattr(self, "relay", None), self.control):
            if end is not None:
                end.close()
        self.thread.join(60)
        self.listener.close()
        assert not self.thread.is_alive()


@pytest.fixture
def hardware():
    return Hardware()


@pytest.fixture
def host(tmp_path, hardware):
    made = Host(tmp_path, hardware)
    yield made
    made.close()


def collateral_for(host):
    return parse(guest._receive(host.control), CollateralRequest)


def test_a_guest_quotes_once_with_the_collateral_that_its_host_found(host, hardware):
    host.launch()
    host.ask("launch")
    assert host.answer()["app_digest"] == APP
    host.ask("quote", DATA.hex())
    collateral_request = collateral_for(host)
    assert collateral_request.certificates == b"table"
    guest._send(host.control, encode(CollateralReply(collateral=AMD.collateral().encode().raw)))
    made = host.answer()
    host.ask("quote", DATA.hex())
    assert host.answer() is None
    assert hardware.requests == 1

    import base64

    quote = Quote(base64.b64decode(made["quote"]), Collateral(base64.b64decode(made["collateral"])))
    claims = verify(quote, [AMD.root], at=NOW, allow_simulated=False)
    assert (claims.report_data, claims.locks(APP)) == (DATA, True)
    assert (made["platform"], made["runtime"]) == (claims.platform, claims.runtime_of(APP))


def test_a_guest_ends_with_its_runtime(host):
    host.launch()
    host.ask("exit", 7)
    host.thread.join(60)
    assert host.ended == [7]


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b"null"])
def test_a_launch_that_is_none_starts_nothing(tmp_path, body, hardware):
    host = Host(tmp_path, hardware)
    guest._send(host.control, body)
    host.close()
    assert isinstance(host.ended[0], InputRefused)
    assert hardware.requests == 0


def test_a_host_that_hangs_up_or_floods_starts_nothing(tmp_path, hardware):
    for number, flood in enumerate((b"", b"\x00\x00", b"\xff\xff\xff\xff")):
        folder = tmp_path / str(number)
        folder.mkdir()
        host = Host(folder, hardware)
        host.control.sendall(flood)
        host.close()
        assert isinstance(host.ended[0], HostFailed)


def test_a_host_that_gives_no_collateral_ends_the_guest(host):
    host.launch()
    host.ask("launch")
    host.answer()
    host.ask("quote", DATA.hex())
    collateral_for(host)
    host.control.close()
    host.thread.join(60)
    assert isinstance(host.ended[0], HostFailed)

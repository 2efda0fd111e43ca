"""The lock file of a supervisor says whether a network runs; a part that fails too often ends it."""

import os
import signal
import time

import pytest

from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.localnet import start as starting
from sealgrid.localnet import supervisor
from sealgrid.localnet.layout import CHAIN, SHOP, Layout, NetworkOptions
from sealgrid.localnet.processes import STOP_SIGNALS, fork
from sealgrid.localnet.supervisor import end, running, supervise


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "net")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(supervisor, "RESTART_PAUSES", (0.0, 0.0, 0.0))
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def network_of(monkeypatch, layout, name, body):
    def start(layout, options, children, on_progress):
        children.append(fork(name, layout.log(name), body))
        children[0].wait_ready(20)

    monkeypatch.setattr(starting, "start", start)


def serve(on_ready):
    on_ready()
    time.sleep(60)


def fail(on_ready):
    on_ready()
    raise InputRefused("the part is broken.")


def test_a_network_runs_while_its_supervisor_has_the_lock_and_ends_on_a_signal(monkeypatch, layout):
    network_of(monkeypatch, layout, "pool", serve)
    processes = []

    def on_ready():
        processes.append(running(layout))
        with pytest.raises(InputRefused, match="is running in this folder already"):
            supervise(layout, NetworkOptions(), on_ready=lambda: None)
        os.kill(os.getpid(), signal.SIGTERM)

    assert running(layout) is None
    supervise(layout, NetworkOptions(), on_ready=on_ready)
    assert processes == [os.getpid()]
    assert running(layout) is None
    assert end(layout) is False


def test_a_part_that_fails_is_restarted_and_ends_the_network_when_it_fails_again_and_again(monkeypatch, layout):
    network_of(monkeypatch, layout, "pool", fail)
    progress = []
    with pytest.raises(ServiceUnavailable, match="pool ended by itself"):
        supervise(layout, NetworkOptions(), on_ready=lambda: None, on_progress=progress.append)
    assert len(progress) == supervisor.MAX_RESTARTS
    assert progress[0].startswith("pool again")


class Clock:
    """A clock that goes on while nothing is done."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        time.sleep(0.001)


def test_a_part_is_given_time_until_what_it_needs_is_back(monkeypatch, layout):
    clock, restarts = Clock(), []
    monkeypatch.setattr(supervisor, "time", clock)
    monkeypatch.setattr(supervisor, "RESTART_PAUSES", (0.0, 2.0, 4.0))
    network_of(monkeypatch, layout, "pool", fail)
    with pytest.raises(ServiceUnavailable, match="pool ended by itself"):
        supervise(layout, NetworkOptions(), on_ready=lambda: None, on_progress=lambda line: restarts.append(clock.now))
    first, second, third = restarts
    assert round(second - first, 6) >= 2
    assert round(third - second, 6) >= 4


def test_without_its_chain_a_network_ends(monkeypatch, layout):
    network_of(monkeypatch, layout, CHAIN, fail)
    with pytest.raises(ServiceUnavailable, match="chain ended by itself"):
        supervise(layout, NetworkOptions(), on_ready=lambda: None)


def run_with_shop(monkeypatch, layout, body):
    """Run a network whose shop is filled by ``body``; return what the supervisor says of the shop, then stop."""

    def start(layout, options, children, on_progress):
        children.append(fork(SHOP, layout.log(SHOP), body, ends=True))

    def on_shop(error):
        said.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    said = []
    monkeypatch.setattr(starting, "start", start)
    supervise(layout, NetworkOptions(stocked=True), on_ready=lambda: None, on_shop=on_shop)
    return said


def test_a_filled_shop_is_said_once(monkeypatch, layout):
    assert run_with_shop(monkeypatch, layout, lambda on_ready: on_ready()) == [""]
    assert not layout.shop_error.exists()


def test_a_shop_that_stays_empty_is_said_with_its_reason_and_not_tried_again(monkeypatch, layout):
    def fail_with_reason(on_ready):
        layout.shop_error.write_text("the wheels are missing.")
        fail(on_ready)

    assert run_with_shop(monkeypatch, layout, fail_with_reason) == ["the wheels are missing."]


def test_a_shop_whose_process_dies_names_its_log(monkeypatch, layout):
    (said,) = run_with_shop(monkeypatch, layout, lambda _: os._exit(9))
    assert said == layout.shop_error.read_text() == f"its process ended; see {layout.log(SHOP)}"


def test_the_reason_of_a_failed_start_stays_until_the_next_start(monkeypatch, layout):
    def refuse(layout, options, children, on_progress):
        raise InputRefused("port 1 is taken.")

    monkeypatch.setattr(starting, "start", refuse)
    with pytest.raises(InputRefused):
        supervise(layout, NetworkOptions(), on_ready=lambda: None)
    assert layout.start_error.read_text() == "port 1 is taken."
    network_of(monkeypatch, layout, "pool", serve)
    supervise(layout, NetworkOptions(), on_ready=lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert not layout.start_error.exists()

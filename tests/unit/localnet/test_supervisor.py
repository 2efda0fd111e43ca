"""The lock file of a supervisor says whether a network runs; a part that fails too often ends it."""

import os
import signal
import time

import pytest

from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.localnet import start as starting
from sealgrid.localnet import supervisor
from sealgrid.localnet.layout import CHAIN, Layout, NetworkOptions
from sealgrid.localnet.processes import fork
from sealgrid.localnet.supervisor import end, running, supervise


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "net")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    before = {number: signal.getsignal(number) for number in supervisor._SIGNALS}
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 0.01)
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


def test_without_its_chain_a_network_ends(monkeypatch, layout):
    network_of(monkeypatch, layout, CHAIN, fail)
    with pytest.raises(ServiceUnavailable, match="chain ended by itself"):
        supervise(layout, NetworkOptions(), on_ready=lambda: None)

"""Child processes of a local network: readiness, failures and their log."""

import os
import signal
import time
from pathlib import Path

import pytest

from sealgrid.errors import InputRefused, ServiceUnavailable
from sealgrid.localnet.processes import OnReady, fork, stop


def serve(on_ready: OnReady) -> None:
    on_ready()
    time.sleep(60)


def test_a_child_is_ready_runs_and_is_stopped(tmp_path: Path):
    child = fork("part", tmp_path / "log", serve)
    child.wait_ready(20)
    assert child.is_alive()
    assert not child.has_failed()
    stop([child])
    assert child.has_failed()


signals_itself: list[int] = []  #: what a forked process sends itself before it has handlers of its own
os.register_at_fork(after_in_child=lambda: [os.kill(os.getpid(), number) for number in signals_itself])


def test_a_signal_right_after_the_fork_ends_the_child_without_its_parents_handler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    handled = tmp_path / "handled"
    before = signal.signal(signal.SIGTERM, lambda *_: handled.touch())
    try:
        monkeypatch.setattr(f"{__name__}.signals_itself", [signal.SIGTERM])
        child = fork("part", tmp_path / "log", serve)
    finally:
        signal.signal(signal.SIGTERM, before)
    with pytest.raises(ServiceUnavailable, match="part ended"):
        child.wait_ready(20)
    stop([child])
    assert (child.exit_code, handled.exists()) == (-signal.SIGTERM, False)


def test_a_child_that_cannot_start_says_why(tmp_path: Path):
    def refuse(_: OnReady) -> None:
        raise InputRefused("the port is taken.")

    child = fork("part", tmp_path / "log", refuse)
    with pytest.raises(ServiceUnavailable) as refused:
        child.wait_ready(20)
    assert str(refused.value) == "part did not start: the port is taken."


def test_a_child_that_ends_without_a_word_is_reported_with_the_end_of_its_log(tmp_path: Path):
    def fail(_: OnReady) -> None:
        raise ZeroDivisionError("inside")

    child = fork("part", tmp_path / "log", fail)
    with pytest.raises(ServiceUnavailable, match=r"part ended; the end of its log"):
        child.wait_ready(20)


def test_an_error_after_the_start_is_not_reported_as_a_failed_start(tmp_path: Path):
    def fail_later(on_ready: OnReady) -> None:
        on_ready()
        raise InputRefused("too late.")

    child = fork("part", tmp_path / "log", fail_later)
    child.wait_ready(20)
    stop([child])
    assert child.exit_code in {1, -signal.SIGTERM}


def test_a_child_that_is_not_ready_in_time_is_reported(tmp_path: Path):
    child = fork("part", tmp_path / "log", lambda _: time.sleep(60))
    with pytest.raises(ServiceUnavailable, match=r"was not ready within 0 s"):
        child.wait_ready(0.1)
    stop([child])


def test_a_child_that_may_end_has_not_failed_when_it_ended_well(tmp_path: Path):
    child = fork("part", tmp_path / "log", lambda on_ready: on_ready(), ends=True)
    child.wait_ready(20)
    deadline = time.monotonic() + 20
    while child.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert child.exit_code == 0
    assert not child.has_failed()

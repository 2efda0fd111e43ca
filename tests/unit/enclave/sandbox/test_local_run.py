"""A run of an app for a person of this machine: JSON in, JSON out, in the enclaves' sandbox."""

import subprocess
import sys
from functools import partial

import msgspec
import pytest

from sealgrid.enclave.sandbox import sandbox
from sealgrid.enclave.sandbox.local_run import LocalRun, LocalRunEnd, run
from sealgrid.enclave.sandbox.seccomp import app_filter
from tests.unit.enclave.app_scene import LIMITS


@pytest.fixture
def request_of(scene):
    def made(source: str, **changes) -> LocalRun:
        (scene.folders.app / "main.py").write_text(source)
        folders = {name: str(folder) for name, folder in vars(scene.folders).items()}
        limits = msgspec.structs.replace(LIMITS, **changes)
        return LocalRun(**folders, entrypoint=("main.py",), environment={"WORD": "hello"}, limits=limits)

    return made


def test_an_app_that_exits_gives_its_code_and_its_log(request_of):
    ended = run(request_of("import os, sys; print(os.environ['WORD']); sys.exit(3)"))
    assert ended == LocalRunEnd(end="exited", code=3, log="hello\n")


def test_an_app_that_is_killed_was_stopped(request_of):
    ended = run(request_of("import os; print('before', flush=True); os.kill(os.getpid(), 9)"))
    assert ended.end in {"stopped", "unattributed"}, "unattributed where the machine has less memory than the limit"
    assert ended.reason


def test_without_bubblewrap_nothing_starts_and_the_reason_is_named(request_of, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    ended = run(request_of("print('never')"))
    assert ended.end == "unattributed"
    assert "bubblewrap is not installed" in ended.reason


def test_on_a_machine_without_a_system_call_filter_nothing_starts_and_the_reason_is_named(request_of, monkeypatch):
    monkeypatch.setattr(sandbox, "app_filter", partial(app_filter, "riscv64"))
    ended = run(request_of("print('never')"))
    assert (ended.end, "riscv64" in ended.reason) == ("unattributed", True)


def test_the_process_reads_one_request_and_writes_one_end(request_of):
    command = [sys.executable, "-P", "-m", "sealgrid.enclave.sandbox.local_run"]
    done = subprocess.run(
        command, input=msgspec.json.encode(request_of("print('out')")), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert msgspec.json.decode(done.stdout, type=LocalRunEnd) == LocalRunEnd(end="exited", log="out\n")

"""How a run ends, and to whom its end is attributed."""

import os
import time
from pathlib import Path

import msgspec
import pytest

from sealgrid.attestation.policy import Platform
from sealgrid.bundle.manifest import AppLimits
from sealgrid.enclave.sandbox.exit_cause import protection_of
from sealgrid.enclave.sandbox.sandbox import AppEnded, AppExited, HostInducible
from tests.unit.enclave.app_scene import LIMITS


def limits(**changes: int) -> AppLimits:
    return msgspec.structs.replace(LIMITS, **changes)


def test_an_app_that_ends_well_gives_its_log_and_its_output(scene):
    ended = scene.run("import sys; print('out'); print('err', file=sys.stderr); open('/iexec_out/x', 'w').write('y')")
    assert isinstance(ended, AppExited)
    assert ended.code == 0
    assert set(ended.log.splitlines()) == {b"out", b"err"}
    assert (scene.folders.outputs / "x").read_text() == "y"


def test_a_code_other_than_zero_is_the_apps_own_failure(scene):
    ended = scene.run("import sys; print('why'); sys.exit(3)")
    assert ended == AppExited(code=3, log=b"why\n")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import sys; sys.exit(-1)", 255),
        ("import sys; sys.exit(129)", 129),
        ("import os; os._exit(137)", 137),
        ("import os; os._exit(200)", 200),
        ("import os; os.execv(sys.executable, [sys.executable, '-I', '-S', '-c', 'raise SystemExit(139)'])", 139),
    ],
)
def test_a_code_above_128_without_a_signal_is_the_apps_own_failure(scene, source, code):
    assert scene.run(f"import sys\n{source}") == AppExited(code=code, log=b"")


def test_a_signal_is_none_of_the_apps_exits_even_if_it_has_the_code_of_one(scene):
    ended = scene.run("import os; os.kill(os.getpid(), 9)", protection=protection_of(Platform.TDX))
    assert isinstance(ended, AppEnded)
    assert ended.code == 137


def test_an_exception_is_the_apps_own_failure_and_the_log_names_it(scene):
    ended = scene.run("raise ValueError('no picture')")
    assert isinstance(ended, AppExited)
    assert ended.code == 1
    assert b"ValueError: no picture" in ended.log


@pytest.mark.parametrize(
    "source",
    [
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "import os; os.kill(os.getppid(), 9)",
        "bytearray(4 << 30)",
        "raise MemoryError",
        "import errno; raise OSError(errno.EIO, 'disk')",
        "import errno; raise OSError(errno.ENOSPC, 'full')",
        "import os; open('/tmp/x', 'wb').write(bytes(1 << 20) * 100)",
    ],
    ids=["killed", "crash", "starter-killed", "memory-bomb", "memory", "disk-error", "disk-full", "file-above-limit"],
)
def test_an_end_that_the_host_could_have_caused_is_never_the_apps_failure(scene, source):
    ended = scene.run(source)
    assert isinstance(ended, HostInducible), ended
    assert not hasattr(ended, "log")


MUCH_OUTPUT = "import time\nfor name in 'xyz': open(f'/iexec_out/{name}', 'wb').write(bytes(1 << 20))\ntime.sleep(30)"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "a signal"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "a signal"),
        ("import os; os.kill(os.getppid(), 9)", "a signal"),
        ("raise MemoryError", "a signal"),
        ("import os; open('/tmp/x', 'wb').write(bytes(1 << 20) * 100)", "a signal"),
        (MUCH_OUTPUT, "wrote more"),
    ],
    ids=["killed", "crash", "starter-killed", "memory", "file-above-limit", "output"],
)
def test_where_the_host_cannot_cause_it_it_is_the_apps_failure(scene, source, reason):
    ended = scene.run("print('my last words', flush=True)\n" + source, protection=protection_of(Platform.TDX))
    assert isinstance(ended, AppEnded), ended
    assert reason in ended.reason
    assert ended.log.startswith(b"my last words\n")


def test_an_app_that_burns_its_processor_time_is_judged_by_the_speed_that_it_got(scene):
    sources = ("while True: pass", "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass")
    for source in sources:
        ended = scene.run(source, limits=limits(cpu_seconds=1), protection=protection_of(Platform.TDX))
        assert "processor time limit" in ended.reason


def test_an_app_that_does_not_end_is_ended(scene):
    ended = scene.run("import time\nwhile True: time.sleep(1)", limits=limits(wall_seconds=1))
    assert ended == HostInducible("the app did not end within its time limit.")


def test_an_app_that_burns_its_processor_time_is_ended(scene):
    ended = scene.run("while True: pass", limits=limits(cpu_seconds=1))
    assert isinstance(ended, HostInducible)


def test_a_log_without_end_is_cut_and_the_app_ended_in_time(scene):
    ended = scene.run("while True: print('x' * 1000)", limits=limits(wall_seconds=1))
    assert isinstance(ended, HostInducible)
    ended = scene.run("for _ in range(3000): print('x' * 1000)", log_bytes=5000)
    assert isinstance(ended, AppExited)
    assert ended.code == 0
    assert ended.log == (b"x" * 1000 + b"\n") * 4 + b"x" * 996


def test_processes_that_share_a_memory_bomb_are_ended(scene):
    source = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        break
block = os.urandom(100 << 20)
time.sleep(30)
"""
    ended = scene.run(source, limits=limits(memory=250 << 20))
    assert ended == HostInducible("the app's processes used more memory than its limit.")


def test_a_fork_bomb_is_ended(scene):
    source = """
import os, time
for _ in range(6):
    try:
        os.fork()
    except OSError:
        pass
time.sleep(30)
"""
    ended = scene.run(source)
    assert ended == HostInducible("the app started more processes than its limit.")


def test_output_in_many_small_files_counts_too(scene):
    source = "import time\nfor n in range(2000): open(f'/iexec_out/{n}', 'w').write('x')\ntime.sleep(30)"
    ended = scene.run(source)
    assert ended == HostInducible("the app wrote more than its limit.")


def test_nothing_of_an_app_lives_on_once_it_ended(scene):
    source = """
import os, sys, time
if os.fork():
    sys.exit(0)
os.setsid()
for n in range(600):
    open('/iexec_out/late', 'w').write(str(n))
    time.sleep(0.05)
"""
    assert scene.run(source).code == 0
    late = scene.folders.outputs / "late"
    before = late.read_text() if late.exists() else None
    time.sleep(0.3)
    assert (late.read_text() if late.exists() else None) == before


def test_a_run_closes_all_its_descriptors(scene):
    scene.run("pass")
    before = len(os.listdir("/proc/self/fd"))
    for source in ("pass", "raise MemoryError"):
        scene.run(source)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_machine_that_cannot_start_the_sandbox_is_to_blame(scene, monkeypatch):
    program = Path("/bin/false")
    monkeypatch.setattr("sealgrid.enclave.sandbox.bubblewrap.bubblewrap", lambda: str(program))
    assert scene.run("pass") == HostInducible("the sandbox did not start.")


def test_a_failure_before_the_app_starts_is_none_of_the_apps_on_any_platform(scene):
    impossible = limits(cpu_seconds=1 << 63)  # no kernel has this limit: to set it fails in the app's process
    ended = scene.run("print('never')", limits=impossible, protection=protection_of(Platform.TDX))
    assert isinstance(ended, HostInducible), ended
    assert ended.reason.startswith("the sandbox did not start: OverflowError")

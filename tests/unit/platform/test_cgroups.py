"""What control groups hold an enclave, and what is said where this machine gives none."""

import os
import subprocess
import time

import pytest

from sealgrid.platform.cgroups import Cgroups

LIMITS = {"memory": 64 << 20, "pids": 7}
HERE = Cgroups()


@pytest.fixture
def unified(tmp_path):
    """A hierarchy of version 2, as a directory: whatever is written to a file stays there."""
    (tmp_path / "ours").mkdir()
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    return tmp_path


def test_version_2_is_taken_where_it_has_the_controllers(unified):
    groups = Cgroups(unified, "0::/ours")
    assert groups.active == {"memory": 2, "pids": 2}
    groups.group("one", LIMITS)
    made = unified / "ours" / f"sealgrid-{os.getpid()}-one"
    assert ((made / "memory.max").read_text(), (made / "pids.max").read_text()) == (str(64 << 20), "7")


def test_version_1_has_a_group_for_each_controller(tmp_path):
    for controller in ("memory", "pids"):
        (tmp_path / controller / "mine").mkdir(parents=True)
    groups = Cgroups(tmp_path, "8:pids:/mine\n4:memory:/mine\n0::/")
    assert groups.active == {"memory": 1, "pids": 1}
    group = groups.group("one", LIMITS)
    assert group.folders == tuple(tmp_path / name / f"mine/sealgrid-{os.getpid()}-one" for name in ("memory", "pids"))


def test_where_there_are_none_nothing_is_active_and_a_command_stays_what_it_is(tmp_path):
    groups = Cgroups(tmp_path, "0::/")
    assert groups.active == {}
    assert groups.group("one", LIMITS).wrap_command(["true"]) == ["true"]


@pytest.mark.skipif("pids" not in HERE.active, reason="this machine gives no pids control group")
def test_the_kernel_holds_whoever_entered_to_its_tasks_and_forgets_the_group():
    group = HERE.group("test-of-tasks", LIMITS)
    bomb = "import os\nfor n in range(30):\n    if os.fork() == 0: os.read(0, 1); os._exit(0)\n"
    ended = subprocess.run(
        group.wrap_command(["/usr/bin/env", "python3", "-c", bomb]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.PIPE,
    )
    assert "BlockingIOError" in ended.stderr
    deadline = time.monotonic() + 60  # the children end now, and go when whoever inherited them has asked after them
    while not group.remove() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [folder for folder in group.folders if folder.exists()]


def test_only_groups_whose_platform_is_gone_are_swept_away(unified):
    groups = Cgroups(unified, "0::/ours")
    ended = subprocess.Popen(["/usr/bin/env", "true"])
    ended.wait()
    (unified / "ours" / f"sealgrid-{ended.pid}-old").mkdir()
    (unified / "ours" / f"sealgrid-{os.getpid()}-new").mkdir()
    groups.remove_stale()
    assert [path.name for path in (unified / "ours").glob("*-???")] == [f"sealgrid-{os.getpid()}-new"]

"""What belongs to a run is found by its mark, and a process can be kept from writing files for a while."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from chaos import machine

WRITER = """
import sys
for line in sys.stdin:
    try:
        with open(sys.argv[1], "ab") as file:
            file.write(b"x" * 8192)
        print("written", flush=True)
    except OSError as error:
        print(type(error).__name__, flush=True)
"""


@contextmanager
def writer(path, mark: str) -> Iterator[subprocess.Popen]:
    pipe = subprocess.PIPE
    environment = os.environ | {machine.MARK: mark}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, path], env=environment, stdin=pipe, stdout=pipe, text=True, bufsize=1
    ) as process:
        yield process
        process.stdin.close()


def asked(process: subprocess.Popen) -> str:
    process.stdin.write("\n")
    return process.stdout.readline().strip()


def test_a_full_disk_fails_writes_until_it_has_room_again(tmp_path):
    with writer(tmp_path / "file", "none") as process:
        assert asked(process) == "written"
        machine.limit_files(process.pid, 0)
        assert asked(process) == "OSError"
        machine.limit_files(process.pid, None)
        assert asked(process) == "written"


def test_processes_of_a_run_are_found_by_environment_or_path_and_no_others(tmp_path):
    with writer(tmp_path / "file", "run-7") as process:
        asked(process)
        assert machine.marked_processes("run-7", tmp_path / "elsewhere") == [process.pid]
        assert machine.marked_processes("run-8", tmp_path) == [process.pid]
        assert machine.marked_processes("run-8", tmp_path / "elsewhere") == []
        assert process.pid in machine.children(os.getpid())
        assert machine.name_of(process.pid).startswith("python")
    assert machine.marked_processes("run-7", tmp_path) == []
    assert (machine.name_of(process.pid), machine.command_of(process.pid)) == ("", [])

"""Processes and files of this machine that belong to a run, by a mark in their environment or the run's folder."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

MARK = "SEALGRID_CHAOS_RUN"  #: in the environment of each process of a run
_UNLIMITED, _TICKS = resource.RLIM_INFINITY, os.sysconf("SC_CLK_TCK")


def children(pid: int) -> set[int]:
    """Return all processes below a process."""
    parents = dict(_parents())
    found: set[int] = set()
    more = {pid}
    while more:
        found |= more
        more = {child for child, parent in parents.items() if parent in found} - found
    return found - {pid}


def name_of(pid: int) -> str:
    """Return the name of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and of its children that have ended; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def command_of(pid: int) -> list[str]:
    """Return the command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def marked_processes(mark: str, folder: Path) -> list[int]:
    """Return the processes of a run that have not ended, except this one: by their environment or command line."""
    variable, path = f"{MARK}={mark}".encode(), str(folder).encode()
    found = []
    for pid, _ in _parents():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if pid != os.getpid() and (variable in environment.split(b"\0") or path in command):
            found.append(pid)
    return found


def limit_files(pid: int, size: int | None) -> None:
    """Let a process write no file beyond ``size`` bytes, as if its disk were full; None takes the limit away."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (_UNLIMITED if size is None else size, hard))


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                yield int(entry.name), int(fields[1])

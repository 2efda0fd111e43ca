"""Measure what a running app uses, from outside its namespace: memory, processes, output."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")
_ENOUGH = 10_000  #: files after which counting stops
_BUFFERS = {
    "socket:": 256 << 10,
    "pipe:": 64 << 10,
}  #: bytes that the kernel may buffer for one, by the prefix of its link
_SCRATCH = ("tmp", "dev/shm")  #: file systems that only the app sees
_FILE_BYTES = 2 << 10  #: of a file's entry and name in such a file system


@dataclass(frozen=True)
class ResourceUsage:
    """Current usage of a sandbox's first process and its descendants."""

    memory: int  #: bytes: resident, the most that sockets and pipes can buffer, all files of the app's own file systems
    processes: int


def usage_below(pid: int, most: int, *, started: bool) -> ResourceUsage:
    """Return the usage of a process and its descendants, counting at most ``most`` + 1 processes.

    ``started`` says whether the app's code runs: before that, the sandbox is incomplete and holds nothing of the app.
    Processes that end meanwhile count as nothing. Counting stops early because a fork bomb would starve a full count.
    Raises PermissionError where a process of the app hides its usage.
    """
    pending, memory, processes, scratch = [pid], 0, 0, 0
    while pending and processes <= most:
        process = pending.pop()
        processes += 1
        pending += _children(process)
        thread = _living_thread(process)
        if thread is None:
            continue
        _, resident, shared = _statm(thread)
        memory += (resident - shared) * _PAGE
        if started and process != pid:
            memory += _buffers(thread)
            scratch = max(scratch, _scratch(thread))
    return ResourceUsage(memory=memory + scratch, processes=processes)


def bytes_below(folder: Path) -> int:
    """Return the bytes of memory that the files below a folder use, with a page for each name."""
    pending, total, files = [str(folder)], 0, 0
    while pending and files < _ENOUGH:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    files += 1
                    status = entry.stat(follow_symlinks=False)
                    total += status.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError:
            continue  # removed meanwhile
    return total + files * _PAGE


def bytes_used(folder: Path) -> int:
    """Return how many bytes of a folder's file system are in use."""
    stats = os.statvfs(folder)
    return (stats.f_blocks - stats.f_bfree) * stats.f_frsize


def available_memory() -> int:
    """Return the bytes of memory available to a new process of this guest; 0 where unknown."""
    try:
        lines = (_PROC / "meminfo").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return 0


def kernel_kills() -> int | None:
    """Return how many processes the guest's out-of-memory killer ended; None where unknown."""
    try:
        lines = (_PROC / "vmstat").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    except (OSError, StopIteration, ValueError):
        return None


def _living_thread(pid: int) -> Path | None:
    """Return the folder of a thread that still has the process's memory: the first thread may end before the others."""
    process = _PROC / str(pid)
    if any(_statm(process)):
        return process
    try:
        return next((each for each in (process / "task").iterdir() if any(_statm(each))), None)
    except OSError:
        return None


def _statm(thread: Path) -> tuple[int, int, int]:
    """Return the pages of a thread's memory: total, resident, shared; zeros after it ended (proc(5), statm)."""
    try:
        total, resident, shared, *_ = map(int, (thread / "statm").read_text().split())
    except (OSError, ValueError):
        return 0, 0, 0
    return total, resident, shared


def _buffers(thread: Path) -> int:
    total = 0
    try:
        entries = list((thread / "fd").iterdir())
    except OSError as error:
        return _unless_hidden(thread, error)
    for entry in entries:
        with suppress(OSError):  # closed meanwhile
            kind, _, _ = str(entry.readlink()).partition("[")
            total += _BUFFERS.get(kind, 0)
    return total


def _scratch(thread: Path) -> int:
    """Return the bytes of memory of the files in the app's own /tmp and /dev/shm, including deleted ones."""
    total = 0
    for name in _SCRATCH:
        try:
            stats = os.statvfs(thread / "root" / name)
        except OSError as error:
            return _unless_hidden(thread, error)
        total += (stats.f_blocks - stats.f_bfree) * stats.f_frsize + (stats.f_files - stats.f_ffree) * _FILE_BYTES
    return total


def _unless_hidden(thread: Path, error: OSError) -> int:
    if isinstance(error, PermissionError) and any(_statm(thread)):
        raise error
    return 0  # it ended meanwhile


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for thread in (_PROC / str(pid) / "task").iterdir():
            children += map(int, (thread / "children").read_text().split())
    except OSError:
        return children
    return children

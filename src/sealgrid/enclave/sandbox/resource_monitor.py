"""How much a running app uses, seen from outside its namespace: memory, processes, output."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")
_ENOUGH = 10_000  #: files that need not be counted further
_BUFFERS = {"socket:": 256 << 10, "pipe:": 64 << 10}  #: bytes that the kernel may keep for one, by what its link says
_SCRATCH = ("tmp", "dev/shm")  #: an app's file systems that nobody else sees
_FILE_BYTES = 2 << 10  #: of a file's entry and name in such a file system


@dataclass(frozen=True)
class ResourceUsage:
    """What a sandbox's first process and all that descend from it use now."""

    memory: int  #: bytes: resident, at most what sockets and pipes keep, and all files of the app's own file systems
    processes: int


def usage_below(pid: int, most: int, *, started: bool) -> ResourceUsage:
    """Return the usage of a process and its descendants, of ``most`` + 1 of them at most.

    ``started`` says whether the app's first code was started: before, the sandbox is not closed and holds nothing of
    an app's. Processes that end meanwhile count as nothing. A fork bomb takes the processor from whoever would count
    all of it. Raises PermissionError where a process of the app hides what it uses.
    """
    waiting, memory, seen, scratch = [pid], 0, 0, 0
    while waiting and seen <= most:
        process = waiting.pop()
        seen += 1
        waiting += _children(process)
        thread = _living_thread(process)
        if thread is None:
            continue
        memory += _resident(thread)
        if started and process != pid:
            memory += _buffers(thread)
            scratch = max(scratch, _scratch(thread))
    return ResourceUsage(memory=memory + scratch, processes=seen)


def bytes_below(folder: Path) -> int:
    """Return how many bytes of memory the files below a folder take, each with a page for its name."""
    waiting, total, seen = [str(folder)], 0, 0
    while waiting and seen < _ENOUGH:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    seen += 1
                    status = entry.stat(follow_symlinks=False)
                    total += status.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue  # it was removed while we looked
    return total + seen * _PAGE


def bytes_used(folder: Path) -> int:
    """Return how many bytes of a folder's file system are in use."""
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def available_memory() -> int:
    """Return how many bytes of memory this guest could give to a new process; 0 where nothing tells."""
    try:
        lines = (_PROC / "meminfo").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return 0


def kernel_kills() -> int | None:
    """Return how many processes this guest's kernel ended for want of memory; None where nothing tells."""
    try:
        lines = (_PROC / "vmstat").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    except (OSError, StopIteration, ValueError):
        return None


def _living_thread(pid: int) -> Path | None:
    """Return the folder of a thread that still has its process's memory: a first thread may end before the others."""
    process = _PROC / str(pid)
    if _size(process):
        return process
    try:
        return next(filter(_size, (process / "task").iterdir()), None)
    except OSError:
        return None


def _size(thread: Path) -> int:
    try:
        return int((thread / "statm").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _resident(thread: Path) -> int:
    try:
        _, resident, shared, *_ = (thread / "statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE


def _buffers(thread: Path) -> int:
    total = 0
    try:
        entries = list((thread / "fd").iterdir())
    except OSError as error:
        return _unless_hidden(thread, error)
    for entry in entries:
        with suppress(OSError):  # it was closed while we looked
            kind, _, _ = str(entry.readlink()).partition("[")
            total += _BUFFERS.get(kind, 0)
    return total


def _scratch(thread: Path) -> int:
    """Return how many bytes of memory the files of an app's own /tmp and /dev/shm take, deleted ones too."""
    total = 0
    for name in _SCRATCH:
        try:
            found = os.statvfs(thread / "root" / name)
        except OSError as error:
            return _unless_hidden(thread, error)
        total += (found.f_blocks - found.f_bfree) * found.f_frsize + (found.f_files - found.f_ffree) * _FILE_BYTES
    return total


def _unless_hidden(thread: Path, error: OSError) -> int:
    if isinstance(error, PermissionError) and _size(thread):
        raise error
    return 0  # it ended while we looked


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in (_PROC / str(pid) / "task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    except OSError:
        return found
    return found

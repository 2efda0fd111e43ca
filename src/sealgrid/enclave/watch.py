"""How much a running app uses, seen from outside its namespace: memory, processes, output."""

import os
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")
_ENOUGH = 10_000  #: files that need not be counted further


@dataclass(frozen=True)
class Usage:
    """What a process and all that descend from it use now."""

    memory: int  #: bytes resident, without what is shared with files
    processes: int


def usage_below(pid: int, most: int) -> Usage:
    """Return the usage of a process and its descendants, of ``most`` + 1 of them at most.

    Those that end meanwhile count as nothing. A fork bomb takes the processor from whoever would count all of it.
    """
    waiting, memory, seen = [pid], 0, 0
    while waiting and seen <= most:
        process = waiting.pop()
        seen += 1
        memory += _resident(process)
        waiting += _children(process)
    return Usage(memory=memory, processes=seen)


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


def _resident(pid: int) -> int:
    try:
        _, resident, shared, *_ = (_PROC / str(pid) / "statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in (_PROC / str(pid) / "task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    except OSError:
        return found
    return found

"""The processes of a network, as the kernel shows them."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from bench.figure import NotMeasured
from sealgrid.chain.anvil import is_listening

_TICKS = os.sysconf("SC_CLK_TCK")


def process_of(folder: Path, url: str) -> int:
    """Return which process of the network in a folder listens at a loopback address."""
    port = urlsplit(url).port or 0
    for child in _children(int((folder / "supervisor.lock").read_text())):
        if is_listening(child, port):
            return child
    raise NotMeasured(f"no process of the network listens at {url}.")


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has taken, in user and system together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

"""The processes of a network, as the kernel shows them."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from bench.figure import NotMeasured

_TICKS = os.sysconf("SC_CLK_TCK")
_LISTENING = "0A"


def process_of(folder: Path, url: str) -> int:
    """Return which process of the network in a folder listens at a loopback address."""
    inode = _listener(urlsplit(url).port or 0)
    supervisor = int((folder / "supervisor.lock").read_text())
    for child in _children(supervisor):
        if inode in _sockets(child):
            return child
    raise NotMeasured(f"no process of the network listens at {url}.")


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has taken, in user and system together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _listener(port: int) -> str:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == _LISTENING:
            return fields[9]
    raise NotMeasured(f"nothing listens at port {port}.")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _sockets(pid: int) -> set[str]:
    links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    return {link[8:-1] for link in links if link.startswith("socket:")}

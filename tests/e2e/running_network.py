"""A local network for tests: ``sealgrid up`` as a child process that exits with them."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from sealgrid.localnet.layout import Layout
from sealgrid.sdk.network import Network, load_network

SEALGRID = str(Path(sys.executable).with_name("sealgrid"))
START_SECONDS = 180


@dataclass
class RunningNetwork:
    """``sealgrid up`` as a child process of the tests."""

    layout: Layout
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def network(self) -> Network:
        return load_network(self.layout.network)

    async def page(self, path: str) -> str:
        """Return a page's HTML when the index, which follows the chain with a short delay, contains its subject."""
        async with httpx.AsyncClient(base_url=self.network.web_url, timeout=60) as pages, asyncio.timeout(60):
            while (answer := await pages.get(path)).status_code != httpx.codes.OK:
                await asyncio.sleep(0.2)
        return answer.text

    def stop(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=30)
        return self.process.returncode

    def part(self, name: str) -> int | None:
        """Return the process id of one part, by the name of its folder; None while there is none."""
        return next((pid for pid in descendants(self.process.pid) if name_of(pid) == f"sg-{name}"), None)


def descendants(pid: int) -> set[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found, more = set(), {pid}
    while more:
        found |= more
        more = {child for child, parent in parents.items() if parent in found} - found
    return found - {pid}


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""  # the process ended


def gone(pids: set[int], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def start_network(
    folder: Path, *extra: str, stocked: bool = False, environment: Mapping[str, str] | None = None
) -> RunningNetwork:
    layout = Layout(folder)
    goods = () if stocked else ("--bare",)
    command = ["setpriv", "--pdeathsig", "TERM", SEALGRID, "up", "--port", "0", "--home", str(folder), *goods, *extra]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )
    deadline = time.monotonic() + START_SECONDS
    assert process.stderr is not None
    line = b"-"
    while line and time.monotonic() < deadline:
        line = process.stderr.readline()
        if b"ready" in line:
            return RunningNetwork(layout, process)
    process.kill()
    process.communicate()
    raise AssertionError(f"the network did not start: {process.returncode}")


@contextmanager
def started(*words: object, until: bytes) -> Iterator[None]:
    """Run a command, from the line that contains ``until`` to the end of the context."""
    command = ["setpriv", "--pdeathsig", "TERM", SEALGRID, *map(str, words)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if until in line:
                break
        assert process.poll() is None, lines
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)

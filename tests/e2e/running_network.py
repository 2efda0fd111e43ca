"""A local network for tests: ``sealgrid up`` as a child that ends with them, however they end."""

import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from sealgrid.localnet.layout import Layout
from sealgrid.sdk.network import Network, load_network

SEALGRID = str(Path(sys.executable).with_name("sealgrid"))
START_SECONDS = 90


@dataclass
class RunningNetwork:
    """``sealgrid up`` as a child of the tests; it ends with them, however they end."""

    layout: Layout
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def network(self) -> Network:
        return load_network(self.layout.network)

    def stop(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=30)
        return self.process.returncode


def start_network(folder: Path, *extra: str, stocked: bool = False) -> RunningNetwork:
    layout = Layout(folder)
    goods = () if stocked else ("--bare",)
    command = ["setpriv", "--pdeathsig", "TERM", SEALGRID, "up", "--port", "0", "--data", str(folder), *goods, *extra]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + START_SECONDS
    assert process.stderr is not None
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if b"ready" in line:
            return RunningNetwork(layout, process)
        assert line, f"the network did not start: {process.wait()}"
    raise AssertionError("the network was not ready in time")

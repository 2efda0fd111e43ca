"""A whole local network, started once by the command that people use, and the accounts of people on it."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from sealgrid.chain.accounts import development_key
from sealgrid.localnet.layout import Layout
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.network import Network, load_network

ROOT = Path(__file__).resolve().parents[2]
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


def start_network(folder: Path, *extra: str) -> RunningNetwork:
    layout = Layout(folder)
    command = ["setpriv", "--pdeathsig", "TERM", SEALGRID, "up", "--port", "0", "--data", str(folder), *extra]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + START_SECONDS
    assert process.stderr is not None
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if b"ready" in line:
            return RunningNetwork(layout, process)
        assert line, f"the network did not start: {process.wait()}"
    raise AssertionError("the network was not ready in time")


@pytest.fixture(scope="session")
def localnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    running = start_network(tmp_path_factory.mktemp("localnet"))
    yield running
    running.stop()


@dataclass(frozen=True)
class People:
    developer: Connection
    owner: Connection
    requester: Connection
    requester2: Connection
    stranger: Connection


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def people(localnet: RunningNetwork) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        names = People.__dataclass_fields__
        yield People(
            **{
                name: await stack.enter_async_context(connect(localnet.network, development_key(name)))
                for name in names
            }
        )

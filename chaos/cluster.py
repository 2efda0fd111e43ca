"""The network under chaos: ``sealgrid up`` on PostgreSQL with two storage nodes, a second replica, and more workers.

``sealgrid up`` restarts its own parts; the second replica, the workers and a killed anvil are started again here.
"""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from chaos import machine
from chaos.message_proxy import MessageProxy
from chaos.schedule import Parts
from chaos.worker_process import KEY_FILE, WorkerSettings, write_clock
from sealgrid.chain.accounts import development_key
from sealgrid.chain.hub import Hub
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ServiceUnavailable
from sealgrid.localnet.layout import EMBEDDED, POOL, VAULTS, Layout, storage_names
from sealgrid.pool.admission import AdmittedWorkers
from sealgrid.sdk.network import Network, load_network
from sealgrid.storage.atomic_file import write_file
from sealgrid.units import Digest

SEALGRID = str(Path(sys.executable).with_name("sealgrid"))
POSTGRES, CHAIN, REPLICA = "postgres", "chain", "pool-2"
START_SECONDS, STOP_SECONDS = 180.0, 40.0
WORKER_ESCROW = 100 * 10**9  #: nRLC, for stakes
_ETHER = hex(10**24)  #: wei of each worker
_RESTART_SECONDS = 1.0  #: between two looks for processes that ended by themselves
_GRACE = 8.0  #: seconds of a worker or replica to end after SIGTERM, before it is killed


@dataclass
class Cluster:
    """The processes of one run, by the names of the parts."""

    folder: Path
    mark: str
    parts: Parts
    layout: Layout
    up: subprocess.Popen[bytes]
    network: Network
    proxies: dict[str, MessageProxy]
    commands: dict[str, list[str]]  #: of the processes that this program starts
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    suspended: set[int] = field(default_factory=set)
    held: Counter[str] = field(default_factory=Counter)  #: parts that faults keep down now
    ended: list[str] = field(default_factory=list)  #: parts that ended by themselves, with their exit codes

    async def keep_running(self) -> None:
        """Start processes that ended by themselves again, as a service manager does, until cancelled."""
        while True:
            for part in self.commands:
                code = self.running[part].poll()
                if code is not None and not self.held[part]:
                    self.ended.append(f"{part} with exit code {code}")
                    self.start(part)
            await asyncio.sleep(_RESTART_SECONDS)

    @contextlib.contextmanager
    def down(self, part: str) -> Iterator[None]:
        """Let a part be down meanwhile; start it again afterwards if this program starts it."""
        self.held[part] += 1
        try:
            yield
        finally:
            self.held[part] -= 1
            if part in self.commands and not self.held[part] and not self.pids(part):
                self.start(part)

    def start(self, part: str) -> None:
        """Start a worker or the second replica."""
        self.running[part] = _start(self.commands[part], self.folder / "logs" / f"{part}.log", self.mark)

    def pids(self, part: str) -> list[int]:
        """Return the processes of a part; none while it is down."""
        if part in self.running:
            return [self.running[part].pid] if self.running[part].poll() is None else []
        below = machine.children(self.up.pid)
        if part == POSTGRES:
            return [pid for pid in below if machine.name_of(pid) == "postgres"]
        if part == CHAIN:
            return [pid for pid in below if machine.name_of(pid) == "anvil"]
        return [pid for pid in below if machine.name_of(pid) == f"sg-{part}"[:15]]

    async def terminate(self, part: str) -> None:
        """Have the processes of a part end by SIGTERM; kill what does not end in time."""
        pids = self.pids(part)
        self.send(pids, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                while set(pids) & set(self.pids(part)):
                    await asyncio.sleep(0.1)
        self.send([pid for pid in pids if pid in self.pids(part)], signal.SIGKILL)
        if part in self.running:
            await asyncio.to_thread(self.running[part].wait)

    def kill(self, part: str) -> None:
        """Kill the processes of a part at once."""
        self.send(self.pids(part), signal.SIGKILL)
        if part in self.running:
            self.running[part].wait()

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time of the present processes, with their ended children, by kinds of parts."""
        found = defaultdict[str, float](float)
        own = {each.pid: part.partition("-")[0] for part, each in self.running.items()}
        below = {
            pid: machine.name_of(pid).removeprefix("sg-").partition("-")[0] for pid in machine.children(self.up.pid)
        }
        for pid, kind in (below | own).items():
            found[kind] += machine.cpu_seconds(pid)
        return dict(found)

    def send(self, pids: list[int], number: signal.Signals) -> None:
        """Send a signal to processes that may have ended."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def chain_command(self) -> list[str]:
        """Return the command line of the chain's node."""
        return machine.command_of(self.pids(CHAIN)[0])

    def start_chain(self, command: list[str]) -> None:
        """Start the chain's node again on its stored state."""
        self.running[CHAIN] = _start(command, self.folder / "logs" / "chain.log", self.mark)

    async def stop(self) -> None:
        """End every process as a person would; kill what does not end in time."""
        self.send(sorted(self.suspended), signal.SIGCONT)
        chain = self.running.pop(CHAIN, None)
        for process in self.running.values():
            process.terminate()
        await _ended([*self.running.values()])
        await asyncio.gather(*(proxy.stop() for proxy in self.proxies.values()))
        self.up.terminate()
        await _ended([self.up])
        if chain is not None:
            chain.terminate()
            await _ended([chain])


async def _ended(processes: list[subprocess.Popen[bytes]]) -> None:
    ends = time.monotonic() + STOP_SECONDS
    for process in processes:
        while process.poll() is None and time.monotonic() < ends:
            await asyncio.sleep(0.05)
        if process.poll() is None:
            process.kill()
            process.wait()


@contextlib.asynccontextmanager
async def cluster(folder: Path, mark: str, workers: int, seed: int) -> AsyncIterator[Cluster]:
    """Start a network with two replicas and some workers in a folder; stop it at the end."""
    layout = Layout(folder / "net")
    (folder / "logs").mkdir(parents=True)
    (folder / "tmp").mkdir()
    up = _up(layout, mark, folder / "logs" / "up.log")
    try:
        network = load_network(layout.network)
        parts = Parts(
            workers=tuple(f"worker-{number}" for number in range(1, workers + 1)),
            replicas=(POOL, REPLICA),
            vaults=tuple(f"vault-{number}" for number in range(1, VAULTS + 1)),
            storages=storage_names(2),
            database=POSTGRES,
            chain=CHAIN,
        )
        ports = (int(network.pool_url.rpartition(":")[2]), _free_port())
        proxies, urls = {}, []
        for number, link in enumerate(parts.links):
            proxies[link] = MessageProxy((*ports[number:], *ports[:number]), random.Random(seed + number))
            urls.append(await proxies[link].start())
        keys = {name: SigningKey.generate() for name in parts.workers}
        commands = {REPLICA: _replica(folder, layout, network, ports[1])}
        for number, (name, key) in enumerate(keys.items()):
            commands[name] = _worker(folder, layout, name, key, urls[number % len(urls)])
        await _admit(network, layout, list(keys.values()))
        made = Cluster(folder, mark, parts, layout, up, network, proxies, commands)
    except BaseException:
        up.kill()
        up.wait()
        raise
    try:
        for name in commands:
            made.start(name)
        keeping = asyncio.create_task(made.keep_running())
        try:
            yield made
        finally:
            keeping.cancel()
    finally:
        await made.stop()


def _up(layout: Layout, mark: str, log: Path) -> subprocess.Popen[bytes]:
    command = [SEALGRID, "up", "--bare", "--port", "0", "--home", str(layout.root), "--storages", "2"]
    process = _start([*command, "--postgres", EMBEDDED], log, mark)
    ends = time.monotonic() + START_SECONDS
    while b"ready" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > ends:
            process.kill()
            process.wait()
            raise ServiceUnavailable(f"the network did not start: {log.read_text(errors='replace')[-400:]}")
        time.sleep(0.1)
    return process


def _start(command: list[str], log: Path, mark: str) -> subprocess.Popen[bytes]:
    temporary = log.parent.parent / "tmp"
    environment = os.environ | {machine.MARK: mark, "TMPDIR": str(temporary)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each process would compile all that it imports
    with log.open("ab") as output:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            env=environment,
            cwd=Path(__file__).resolve().parents[1],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _replica(folder: Path, layout: Layout, network: Network, port: int) -> list[str]:
    """Write the file of the second replica; return its command."""
    base = folder / REPLICA
    base.mkdir()
    shutil.copy(layout.network, base / "network.json")
    write_file(base / "owner.key", development_key(POOL).secret.hex().encode())
    lines = {
        "workerpool": network.workerpool,
        "network": "network.json",
        "key_file": "owner.key",
        "folder": "data",
        "port": port,
        "database": layout.pool_store.read_text(),
        "requests_per_minute": 0,
        "connections_per_client": 0,
    }
    text = "".join(f"{name} = {msgspec.json.encode(value).decode()}\n" for name, value in lines.items())
    (base / "CONFIG.toml").write_text(text)
    return [SEALGRID, "pool", "run", str(base / "CONFIG.toml")]


def _worker(folder: Path, layout: Layout, name: str, key: SigningKey, url: str) -> list[str]:
    """Write key, clock and settings of a worker; return its command."""
    base = folder / name
    base.mkdir()
    settings = WorkerSettings(str(layout.root), str(base), url)
    write_file(base / KEY_FILE, key.secret.hex().encode())
    write_clock(settings.clock, 0.0)
    (base / "settings.json").write_bytes(msgspec.json.encode(settings))
    return [sys.executable, "-m", "chaos.worker_process", str(base / "settings.json")]


async def _admit(network: Network, layout: Layout, keys: list[SigningKey]) -> None:
    """Admit workers to the pool; give them gas and a stake."""
    admitted = AdmittedWorkers(layout.pool_store.read_text())
    async with Node(*network.identity.rpc_urls) as node:
        hub, admin = Hub(node, network.hub), Wallet(node, development_key("admin"))
        for key in keys:
            admitted.admit(key.address, Digest(key.address), time.time())
            await node.rpc("anvil_setBalance", key.address, _ETHER)
            await hub.deposit_for(admin, WORKER_ESCROW, key.address)
    admitted.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

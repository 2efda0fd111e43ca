"""Runs a local chain: starts anvil and waits until it answers. The kernel ends it with its parent process."""

import asyncio
import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from sealgrid.chain.accounts import NAMES
from sealgrid.chain.network_identity import LOCAL_CHAIN
from sealgrid.chain.node import Node
from sealgrid.errors import SetupMissing

_START_SECONDS = 15.0
#: Anvil makes block 0 anew at every start, even when it loads a state; with a fixed time it is always the same block.
_GENESIS_TIME = 1_735_689_600
_STOP_SECONDS = 10.0
_PORT_TRIES = 2
_LISTENING = "0A"  #: state of a socket in /proc/net/tcp (proc(5))


class AnvilConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one anvil process."""

    binary: Path
    #: State file, written every second and on exit; None for a chain in memory. After a restart anvil has the logs of
    #: older blocks but not their states: it refuses calls ``at`` a block before the head.
    state: Path | None = None
    log: Path | None = None  #: file of anvil's output; None discards it
    port: int = 0  #: on loopback; 0 for any free port
    #: With another id its *safe* and *finalized* blocks are the head, and a block comes every ten minutes at least:
    #: the confirmation rule of the public chain with this id then accepts the head.
    chain: int = LOCAL_CHAIN
    funds_development_accounts: bool = True  #: the accounts whose keys are public have ether from the start


class Anvil:
    """A running anvil; ``async with await Anvil.start(config) as chain``."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url
        self.pid = process.pid

    @classmethod
    async def start(cls, config: AnvilConfig) -> Self:
        """Start anvil and return when it answers; raise SetupMissing if it does not start.

        Another process may open a free port before anvil does; then this tries another port.
        """
        for _ in range(_PORT_TRIES if config.port == 0 else 0):
            with suppress(SetupMissing):
                return await cls._start(config, _free_port())
        return await cls._start(config, config.port or _free_port())

    @classmethod
    async def _start(cls, config: AnvilConfig, port: int) -> Self:
        output = config.log.open("ab") if config.log else None
        try:
            process = await asyncio.create_subprocess_exec(
                *_command(config, port),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output or asyncio.subprocess.DEVNULL,
                stderr=output or asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            if output:
                output.close()
        anvil = cls(process, f"http://127.0.0.1:{port}")
        try:
            async with asyncio.timeout(_START_SECONDS):
                await anvil._wait_until_listening(port)
            # A chain whose clock was moved is ahead of ours after a restart; its time must not go backwards.
            async with Node(anvil.url) as node:
                head = await node.block()
                await node.rpc("evm_setTime", max(int(time.time()), head.timestamp + 1))
        except BaseException:
            await anvil.stop()
            raise
        return anvil

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Terminate anvil, which writes its state, and wait; kill it after ten seconds."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _wait_until_listening(self, port: int) -> None:
        # Another chain may have opened the port first; then ours has ended or is about to.
        while not is_listening(self.pid, port):
            if self._process.returncode is not None:
                raise SetupMissing(f"anvil ended at once with code {self._process.returncode}; see its log.")
            await asyncio.sleep(0.01)


async def advance(node: Node, seconds: int) -> None:
    """Move a local chain's clock forward and mine a block there."""
    await node.rpc("evm_increaseTime", seconds)
    await node.rpc("evm_mine")


async def snapshot(node: Node) -> str:
    """Store a local chain's state; return its id for ``revert``."""
    return str(await node.rpc("evm_snapshot"))


async def revert(node: Node, snapshot_id: str) -> None:
    """Restore a stored state. Each id works once."""
    await node.rpc("evm_revert", snapshot_id)


def _command(config: AnvilConfig, port: int) -> list[str]:
    # With setpriv the kernel terminates anvil when its parent ends in any way; the pid is anvil's.
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise SetupMissing("setpriv is missing; install the package util-linux.")
    if not config.binary.is_file():
        raise SetupMissing(
            f"anvil is not installed at {config.binary}; run `make setup` in a checkout, else `sealgrid setup`."
        )
    command = [setpriv, "--pdeathsig", "TERM", str(config.binary), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--chain-id", str(config.chain), "--accounts", str(len(NAMES)), "--order", "fifo"]
    command += ["--timestamp", str(_GENESIS_TIME), "--no-cors"]  # web pages must not read it
    if config.chain != LOCAL_CHAIN:
        command += ["--slots-in-an-epoch", "0", "--block-time", "600", "--mixed-mining"]
    if not config.funds_development_accounts:
        command += ["--balance", "0"]
    if config.state:
        command += ["--state", str(config.state), "--state-interval", "1"]
        command += ["--cache-path", str(config.state.with_suffix(".cache"))]
    return command


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(pid: int, port: int) -> bool:
    """Return whether this process listens on a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {f"socket:[{row[9]}]" for row in rows if row[3] == _LISTENING and int(row[1].split(":")[1], 16) == port}
    try:
        return any(str(each.readlink()) in listening for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # the process ended, or closed a descriptor meanwhile; the caller repeats the check
        return False

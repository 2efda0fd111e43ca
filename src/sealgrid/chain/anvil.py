"""A local chain of one's own: starts anvil, waits until it answers; it never outlives its parent."""

import asyncio
import shutil
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from sealgrid.chain.accounts import NAMES
from sealgrid.chain.node import Node
from sealgrid.chain.port_check import listens
from sealgrid.errors import SetupMissing

LOCAL_CHAIN = 31337
_START_SECONDS = 15.0
#: Anvil makes block 0 anew at every start, even when it loads a state; with a fixed time it is always the same block.
_GENESIS_TIME = 1_735_689_600
_STOP_SECONDS = 10.0
_TRIES = 2


class AnvilConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How to run anvil."""

    binary: Path
    #: Kept there, dumped every second and on exit; None forgets. After a restart logs of older blocks are there, their
    #: states are not: views ``at`` a block older than the head are refused.
    state: Path | None = None
    log: Path | None = None  #: where anvil's own words go; None discards them
    port: int = 0  #: loopback; 0 takes a free one
    chain: int = LOCAL_CHAIN


class Anvil:
    """A running anvil; ``async with await Anvil.start(config) as chain``."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url
        self.pid = process.pid

    @classmethod
    async def start(cls, config: AnvilConfig) -> Self:
        """Start it and return when it answers; raise SetupMissing when it cannot start.

        A free port may be taken by somebody else before anvil opens it; then another one is tried.
        """
        for _ in range(_TRIES if config.port == 0 else 0):
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
            await asyncio.wait_for(anvil._answers(port), _START_SECONDS)
            await anvil._set_clock()
        except BaseException:
            await anvil.stop()
            raise
        return anvil

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Ask it to end, so that it dumps its state, and wait; kill it when it does not."""
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _set_clock(self) -> None:
        # A restarted chain may be ahead of us, when somebody moved its clock: time never goes backwards on it.
        async with Node(self.url) as node:
            head = await node.block()
            await node.rpc("evm_setTime", max(int(time.time()), head.timestamp + 1))

    async def _answers(self, port: int) -> None:
        # Whoever answers on the port may be another chain that took it first; ours has ended then, or is about to.
        while not listens(self.pid, port):
            if self._process.returncode is not None:
                raise SetupMissing(f"anvil ended at once with code {self._process.returncode}; see its log.")
            await asyncio.sleep(0.01)


async def advance(node: Node, seconds: int) -> None:
    """Move a local chain's clock forward and mine a block there."""
    await node.rpc("evm_increaseTime", seconds)
    await node.rpc("evm_mine")


async def snapshot(node: Node) -> str:
    """Remember a local chain's state; return its name for ``revert``."""
    return str(await node.rpc("evm_snapshot"))


async def revert(node: Node, name: str) -> None:
    """Go back to a remembered state, once."""
    await node.rpc("evm_revert", name)


def _command(config: AnvilConfig, port: int) -> list[str]:
    # setpriv arranges that the kernel ends anvil when whoever started it dies, however it dies; anvil keeps the pid.
    leash = shutil.which("setpriv")
    if leash is None:
        raise SetupMissing("setpriv is missing; install the package util-linux.")
    if not config.binary.is_file():
        raise SetupMissing(f"anvil is not installed at {config.binary}; run `make setup`.")
    command = [leash, "--pdeathsig", "TERM", str(config.binary), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--chain-id", str(config.chain), "--accounts", str(len(NAMES)), "--order", "fifo"]
    command += ["--timestamp", str(_GENESIS_TIME), "--no-cors"]  # no web page may read it
    if config.state:
        command += ["--state", str(config.state), "--state-interval", "1"]
        command += ["--cache-path", str(config.state.with_suffix(".cache"))]
    return command


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

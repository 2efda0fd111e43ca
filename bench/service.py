"""One service as a child process that exits with this one; it prints its address when it is ready."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from bench.figure import NotMeasured
from sealgrid.sdk.network import Network

START_SECONDS = 90.0


@contextlib.asynccontextmanager
async def service(module: str, *arguments: str) -> AsyncIterator[tuple[str, int]]:
    """Run ``python -m`` of a module; yield its address and its process id."""
    command = ("--pdeathsig", "TERM", sys.executable, "-m", module, *arguments)
    process = await asyncio.create_subprocess_exec(
        "setpriv", *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise NotMeasured(f"{module} did not start.")
        async with asyncio.timeout(START_SECONDS):
            url = (await process.stdout.readline()).decode().strip()
        if not url:
            raise NotMeasured(f"{module} did not start.")
        yield url, process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def market(network: Network, folder: Path) -> AbstractAsyncContextManager[tuple[str, int]]:
    """Run a market of one's own, whose database lies in a folder."""
    place = (network.rpc_url, str(network.chain), network.genesis, network.hub, str(folder))
    return service("bench.market_process", *place)

"""Further workers of a local network's pool, for the length of a demo."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from sealgrid.errors import ServiceUnavailable
from sealgrid.localnet.processes import die_with_parent
from sealgrid.localnet.service_configs import WORKERS
from sealgrid.sdk.network import Network

_COMMAND = "import sys; from sealgrid.cli.main import main; sys.exit(main())"


@asynccontextmanager
async def more_workers(network: Network) -> AsyncIterator[None]:
    """Run the pool's other two workers, each in a process of its own that ends with this one."""
    async with AsyncExitStack() as stack:
        for name in WORKERS[1:]:
            await stack.enter_async_context(_worker(network, name))
        yield


@asynccontextmanager
async def _worker(network: Network, name: str) -> AsyncIterator[None]:
    parent = os.getpid()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _COMMAND, "worker", "run", name, "--home", network.folder),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=lambda: die_with_parent(parent),
    )
    assert process.stderr is not None
    try:
        if b"requests jobs" not in (line := await process.stderr.readline()):
            raise ServiceUnavailable(f"{name} did not start: {line.decode(errors='replace').strip()}")
        rest = asyncio.create_task(process.stderr.read())
        yield
        rest.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()

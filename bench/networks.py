"""Local networks of the benchmark, one at a time: ``sealgrid up`` as a child process that exits with this one."""

import asyncio
import contextlib
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.figure import NotMeasured
from sealgrid.localnet.layout import Layout
from sealgrid.sdk.network import Network, load_network

SEALGRID = str(Path(sys.executable).with_name("sealgrid"))
START_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclass
class Networks:
    """Starts and ends networks below a folder, and remembers how long each start took."""

    folder: Path
    cold_starts: list[float] = field(default_factory=list)  #: seconds, on an empty data folder
    warm_starts: list[float] = field(default_factory=list)  #: seconds, on a folder that was used before
    _process: asyncio.subprocess.Process | None = None
    _layout: Layout | None = None

    async def fresh(self) -> Network:
        """Start an unused network, in place of the one that runs."""
        await self.stop()
        self._layout = Layout(self.folder / f"network-{len(self.cold_starts)}")
        self.cold_starts.append(await self._start(self._layout))
        return load_network(self._layout.network)

    async def current(self) -> Network:
        """Return the network that runs, or a fresh one."""
        if self._process is None or self._layout is None:
            return await self.fresh()
        return load_network(self._layout.network)

    async def restart(self) -> None:
        """Stop the network and start it again on the same data."""
        await self.current()
        await self.stop()
        if self._layout is not None:
            self.warm_starts.append(await self._start(self._layout))

    async def stop(self) -> None:
        """End the network that runs, if any."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.communicate()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _start(self, layout: Layout) -> float:
        command = ("--pdeathsig", "TERM", SEALGRID, "up", "--bare", "--port", "0", "--home")
        begun = time.perf_counter()
        self._process = await asyncio.create_subprocess_exec(
            "setpriv",
            *command,
            str(layout.root),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(START_SECONDS):
            while b"ready" not in (line := await self._line()):
                if not line:
                    raise NotMeasured(f"the network did not start; its logs are below {layout.root}.")
        return time.perf_counter() - begun

    async def _line(self) -> bytes:
        if self._process is None or self._process.stderr is None:
            return b""
        return await self._process.stderr.readline()

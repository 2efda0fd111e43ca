"""One worker of the network under chaos, as a process: ``python -m chaos.worker_process SETTINGS.json``.

Its clock is injected: it is ahead by the number of seconds in a file that the injector overwrites while the worker
runs. SIGTERM lets the running jobs end.
"""

import mmap
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

KEY_FILE, CLOCK_FILE = "chain.key", "clock"  #: in the worker's folder
CLOCK = struct.Struct("<d")


class WorkerSettings(msgspec.Struct, frozen=True):
    """Which worker of which network it is."""

    network: str  #: the data folder of the local network
    folder: str
    pool_url: str
    jobs: int = 1

    @property
    def clock(self) -> Path:
        """Return the file with the seconds by which its clock is ahead."""
        return Path(self.folder, CLOCK_FILE)


def shifted_clock(clock: Callable[[], float], path: Path) -> Callable[[], float]:
    """Return a clock that is ahead of ``clock`` by the number in a file of 8 bytes, as it is at each call."""
    with path.open("r+b") as file:
        shift = mmap.mmap(file.fileno(), CLOCK.size, access=mmap.ACCESS_READ)
    return lambda: clock() + float(CLOCK.unpack_from(shift)[0])


def write_clock(path: Path, ahead: float) -> None:
    """Set how many seconds a worker's clock is ahead; the file keeps its inode, which the worker has mapped."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(CLOCK.pack(ahead))


def main() -> None:
    """Run the worker until SIGTERM."""
    settings = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=WorkerSettings)
    time.time = shifted_clock(time.time, settings.clock)
    _run(settings)


def _run(settings: WorkerSettings) -> None:
    # Imported with the injected clock in place.
    import asyncio  # noqa: PLC0415
    import signal  # noqa: PLC0415
    from dataclasses import replace  # noqa: PLC0415

    from sealgrid.localnet.layout import WORKER, Layout  # noqa: PLC0415
    from sealgrid.localnet.service_configs import worker_config  # noqa: PLC0415
    from sealgrid.sdk.network import load_network  # noqa: PLC0415
    from sealgrid.wire.service_log import configure_logging  # noqa: PLC0415
    from sealgrid.worker.limits import WorkLimits  # noqa: PLC0415
    from sealgrid.worker.runner import WorkSession, open_context  # noqa: PLC0415

    configure_logging()
    layout = Layout(Path(settings.network))
    config = replace(
        worker_config(layout, load_network(layout.network), WORKER),
        folder=Path(settings.folder),
        key_file=Path(settings.folder, KEY_FILE),
        pool_url=settings.pool_url,
    )

    async def work() -> None:
        async with open_context(config) as (context, pool):
            session = WorkSession(context, pool, WorkLimits(jobs=settings.jobs))
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, session.drain)
            await session.run(lambda: None)

    asyncio.run(work())


if __name__ == "__main__":
    main()

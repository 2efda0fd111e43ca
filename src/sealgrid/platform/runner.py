"""Runs the HTTP service of a platform; stops all enclaves at its end."""

import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from litestar import Litestar

from sealgrid.platform.api import handlers
from sealgrid.platform.collateral import CollateralCache
from sealgrid.platform.hardware import HardwareConfig, HardwarePlatform, connect_vsock
from sealgrid.platform.simulated import PlatformConfig, SimulatedPlatform
from sealgrid.wire.admin import serve_monitored
from sealgrid.wire.server import create_app
from sealgrid.wire.service_access import ServiceAccess
from sealgrid.wire.service_monitor import ServiceMonitor


async def run(config: PlatformConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve a simulated platform until SIGTERM or SIGINT; ``ready`` is called when it accepts requests."""
    platform = SimulatedPlatform(config, lambda: int(time.time()))
    async with open_app(platform, config.access) as app:
        await serve_monitored(app, sock, ready, config.access, _monitor(platform))


@asynccontextmanager
async def open_app(platform: SimulatedPlatform | HardwarePlatform, access: ServiceAccess) -> AsyncIterator[Litestar]:
    """Yield the application of a platform; stop its enclaves when the context ends."""
    try:
        yield create_app(handlers(platform), access=access)
    finally:
        await platform.close()


async def run_hardware(
    config: HardwareConfig, collateral: CollateralCache, sock: socket.socket, ready: Callable[[], None]
) -> None:
    """Serve this machine's confidential hardware until SIGTERM or SIGINT; ``ready`` as in ``run``."""
    platform = HardwarePlatform(config, collateral, connect_vsock)
    async with open_app(platform, config.access) as app:
        await serve_monitored(app, sock, ready, config.access, _monitor(platform))


def _monitor(platform: SimulatedPlatform | HardwarePlatform) -> ServiceMonitor:
    monitor = ServiceMonitor("platform")
    monitor.add_gauge("enclaves", "Running enclaves.", lambda: {"running": len(platform.running())})
    return monitor

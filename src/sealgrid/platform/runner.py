"""Runs the HTTP service of a platform; stops all enclaves at its end."""

import socket
import time
from collections.abc import Callable

from sealgrid.platform.api import handlers
from sealgrid.platform.collateral import CollateralCache
from sealgrid.platform.hardware import HardwareConfig, HardwarePlatform, connect_vsock
from sealgrid.platform.simulated import PlatformConfig, SimulatedPlatform
from sealgrid.wire.server import create_app, serve


async def run(config: PlatformConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve a simulated platform until SIGTERM or SIGINT; ``ready`` is called when it accepts requests."""
    platform = SimulatedPlatform(config, lambda: int(time.time()))
    try:
        await serve(create_app(handlers(platform), access=config.access), sock, ready, config.access)
    finally:
        await platform.close()


async def run_hardware(
    config: HardwareConfig, collateral: CollateralCache, sock: socket.socket, ready: Callable[[], None]
) -> None:
    """Serve this machine's confidential hardware until SIGTERM or SIGINT; ``ready`` as in ``run``."""
    platform = HardwarePlatform(config, collateral, connect_vsock)
    try:
        await serve(create_app(handlers(platform), access=config.access), sock, ready, config.access)
    finally:
        await platform.close()

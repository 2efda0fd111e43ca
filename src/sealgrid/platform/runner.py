"""Run a simulated platform; no enclave outlives it."""

import socket
import time
from collections.abc import Callable

from sealgrid.platform.api import handlers
from sealgrid.platform.config import PlatformConfig
from sealgrid.platform.simulated import SimulatedPlatform
from sealgrid.wire.serving import serve, service


async def run(config: PlatformConfig, sock: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is called once requests are answered."""
    platform = SimulatedPlatform(config, lambda: int(time.time()))
    try:
        await serve(service(handlers(platform)), sock, ready)
    finally:
        await platform.close()

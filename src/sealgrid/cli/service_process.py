"""Runs one service in this process, for the commands ``… run``."""

import socket
from collections.abc import Callable, Coroutine
from typing import Any

from sealgrid.cli.output import stderr

Service = Callable[[socket.socket, Callable[[], None]], Coroutine[Any, Any, None]]


def run_service(service: Service, host: str, port: int) -> None:
    """Run a service at an address until SIGTERM or Ctrl-C; tell terminal and service manager when it is ready.

    Raises InputRefused for an address that cannot be used.
    """
    import asyncio
    import contextlib

    from sealgrid.errors import InputRefused
    from sealgrid.wire.server import listen
    from sealgrid.wire.service_log import configure_logging
    from sealgrid.wire.service_manager import notify_ready

    configure_logging()
    try:
        sock = listen(port, host)
    except OSError as error:
        raise InputRefused(
            f"{host}:{port} cannot be used ({error.strerror}); set another host or port in the settings.", money=""
        ) from error
    address = "{}:{}".format(*sock.getsockname()[:2])

    def announce() -> None:
        notify_ready()
        stderr.print(f"ready at {address}; stop it with Ctrl-C", markup=False)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(service(sock, announce))

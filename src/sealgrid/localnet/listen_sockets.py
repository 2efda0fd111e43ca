"""Listening sockets of a local network's parts, on loopback."""

import socket

from sealgrid.errors import InputRefused
from sealgrid.wire.server import listen
from sealgrid.wire.service_access import LOOPBACK


class ListenSockets:
    """One listening socket a part, opened before the part starts: ports from ``first`` on, or free ones for 0.

    The supervisor keeps them open, so that requests wait while a part restarts.
    """

    def __init__(self, first: int) -> None:
        self._next = first
        self._open: dict[str, socket.socket] = {}
        probe = self.open("chain")
        self.chain_port = int(probe.getsockname()[1])  #: for anvil, which opens its own socket
        self._open.pop("chain").close()

    def open(self, part: str) -> socket.socket:
        """Open a listening socket for a part; raise InputRefused if its port is taken."""
        try:
            self._open[part] = listen(self._next)
        except OSError as error:
            raise InputRefused(f"port {self._next} is taken; choose another one with --port.") from error
        self._next += bool(self._next)
        return self._open[part]

    def of(self, part: str) -> socket.socket:
        """Return the socket that a part listens on."""
        return self._open[part]

    def url(self, part: str) -> str:
        """Return a part's URL."""
        return f"http://{LOOPBACK}:{self._open[part].getsockname()[1]}"

"""The loopback addresses of a local network's parts."""

import socket

from sealgrid.errors import InputRefused
from sealgrid.wire.server import listen
from sealgrid.wire.service_access import LOOPBACK


class ListenSockets:
    """Listening sockets, one per part, opened before it starts: from port ``first`` on, or free ones for 0."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._open: dict[str, socket.socket] = {}

    def take(self, part: str) -> socket.socket:
        """Return a new listening socket for a part; raise InputRefused when its port is taken."""
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
        """Return where a part answers."""
        return f"http://{LOOPBACK}:{self._open[part].getsockname()[1]}"

    def port_for_chain(self) -> int:
        """Return a port for anvil, which opens its own socket; raise InputRefused when it is taken."""
        probe = self.take("chain")
        port = int(probe.getsockname()[1])
        self._open.pop("chain").close()
        return port

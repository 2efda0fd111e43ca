"""Listening sockets of a local network's parts: on loopback, or on the address of a shared network."""

import errno
import socket

from sealgrid.errors import InputRefused
from sealgrid.localnet.layout import CHAIN, CHAIN_PROXY
from sealgrid.localnet.public_address import ON_LOOPBACK, PublicAddress
from sealgrid.wire.server import listen
from sealgrid.wire.service_access import LOOPBACK


class ListenSockets:
    """One listening socket a part, opened before the part starts: ports from ``first`` on, or free ones for 0.

    The supervisor keeps them open, so requests wait while a part restarts. In a shared network the chain's proxy
    has the first port, and anvil a free one on loopback.
    """

    def __init__(self, first: int, address: PublicAddress | None = None) -> None:
        self.address = address  #: of a shared network; None for a network of this machine
        self._next, self._address = first, address or ON_LOOPBACK
        self._open: dict[str, socket.socket] = {}
        if address is None:
            self.chain_port = int(self.open(CHAIN).getsockname()[1])  #: for anvil, which opens its own socket
            self._open.pop(CHAIN).close()
        else:
            self.open(CHAIN_PROXY)
            with listen() as free:
                self.chain_port = int(free.getsockname()[1])

    def open(self, part: str, *, private: bool = False) -> socket.socket:
        """Open a listening socket for a part, a private one on loopback; raise InputRefused if its port is taken."""
        host = LOOPBACK if private else self._address.ip
        try:
            self._open[part] = listen(self._next, host)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise InputRefused(f"port {self._next} of {host} cannot be used ({error.strerror}).") from error
            raise InputRefused(f"port {self._next} is taken; choose another one with --port.") from error
        self._next += bool(self._next)
        return self._open[part]

    def of(self, part: str) -> socket.socket:
        """Return the socket that a part listens on."""
        return self._open[part]

    def url(self, part: str) -> str:
        """Return a part's URL."""
        ip, port = self._open[part].getsockname()[:2]
        if ip != self._address.ip:
            return f"http://{LOOPBACK}:{port}"
        return f"{self._address.scheme}://{self._address.url_host}:{port}"

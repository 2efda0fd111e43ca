"""Client of the platform's quoting interface. It is closed before the app starts."""

import socket

import msgspec

from sealgrid.errors import HostFailed
from sealgrid.wire.platform import LaunchRequest, QuoteAnswer


class QuotePort:
    """The enclave's end of the private channel to the platform that launched it."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def launch(self) -> LaunchRequest:
        """Return the launch parameters, which the evidence locks."""
        return msgspec.json.decode(self._receive(), type=LaunchRequest)

    def quote(self, report_data: bytes) -> QuoteAnswer:
        """Return a quote over 64 bytes of report data; the platform makes one per instance."""
        self._channel.sendall(len(report_data).to_bytes(4, "big") + report_data)
        return msgspec.json.decode(self._receive(), type=QuoteAnswer)

    def close(self) -> None:
        """Close the channel; no further quote is possible."""
        self._channel.close()

    def _receive(self) -> bytes:
        return self._receive_exactly(int.from_bytes(self._receive_exactly(4), "big"))

    def _receive_exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._channel.recv(size - len(parts))
            if not part:
                raise HostFailed("the platform closed the quoting interface.")
            parts += part
        return bytes(parts)

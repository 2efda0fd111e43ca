"""Platform side of an enclave's quoting interface: sends the launch, then answers one request for a quote."""

import asyncio
import socket
from collections.abc import Callable

from sealgrid.attestation.binding import REPORT_DATA_BYTES
from sealgrid.wire.message import encode
from sealgrid.wire.platform import LaunchRequest, QuoteAnswer
from sealgrid.wire.relay import write_frame

QuoteFunction = Callable[[bytes], QuoteAnswer]  #: report data -> quote that carries this instance's measurement and app


async def serve_one_quote(channel: socket.socket, launch: LaunchRequest, quote: QuoteFunction) -> None:
    """Send the launch, answer one request of 64 bytes, and close; close without an answer for any other request."""
    reader, writer = await asyncio.open_unix_connection(sock=channel)
    try:
        write_frame(writer, encode(launch))
        await writer.drain()
        size = int.from_bytes(await reader.readexactly(4), "big")
        if size == REPORT_DATA_BYTES:
            write_frame(writer, encode(quote(await reader.readexactly(size))))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return  # the enclave closed without a request
    finally:
        writer.close()

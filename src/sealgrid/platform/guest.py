"""Entry point of a confidential guest: accepts one launch from the host, quotes once, runs the runtime, exits.

The host opens two connections. The first carries the launch and one request for collateral of the quote; vaults verify
the collateral, so a malicious host gains nothing. The second carries the relay. Frames: u32 big-endian length ‖ JSON.
Started in the image as ``python -I -S guest.py``; ``runtime build`` creates the image.
"""

import asyncio
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from sealgrid.attestation.quote_format import claimed_identity
from sealgrid.errors import HostFailed
from sealgrid.platform.hardware_quotes import ConfigfsTsm, GramineAttestation, RawQuote
from sealgrid.platform.quote_server import QuoteFunction, serve_one_quote
from sealgrid.wire.message import Message, encode, parse
from sealgrid.wire.platform import LaunchRequest, QuoteAnswer

PORT = 1729  #: of the guest's vsock, or of the loopback beside an enclave
MAX_FRAME_BYTES = 2 << 20
RUNTIME = Path("/runtime")

QuoteSource = ConfigfsTsm | GramineAttestation
#: relay, quoting -> the runtime's process
StartRuntime = Callable[[socket.socket, socket.socket], "subprocess.Popen[bytes]"]


class CollateralRequest(Message, frozen=True, kw_only=True):
    """Request of a guest to its host: collateral for this quote."""

    quote: bytes
    certificates: bytes  #: certificate table of the host, from the SEV-SNP report interface


class CollateralReply(Message, frozen=True, kw_only=True):
    """Reply of the host."""

    collateral: bytes


def serve(listener: socket.socket, source: QuoteSource, start: StartRuntime) -> int:
    """Run one launch and return the runtime's exit code; raise HostFailed if the host violates the protocol."""
    control, _ = listener.accept()
    with control:
        launch = parse(_receive(control), LaunchRequest)
        relay, _ = listener.accept()
        platform_end, runtime_end = socket.socketpair()
        with relay, runtime_end:
            process = start(relay, runtime_end)
        try:
            asyncio.run(serve_one_quote(platform_end, launch, quote_function(launch, source, control)))
        except BaseException:
            process.kill()
            raise
        finally:
            code = process.wait()
        return code


def quote_function(launch: LaunchRequest, source: QuoteSource, control: socket.socket) -> QuoteFunction:
    """Return the runtime's quote function; the host supplies the collateral."""

    def answer(report_data: bytes) -> QuoteAnswer:
        made: RawQuote = source.quote(report_data)
        try:
            platform, runtime = claimed_identity(made.raw, launch.app_digest)
        except ValueError as error:
            raise HostFailed("the hardware returned an invalid quote.") from error
        _send(control, encode(CollateralRequest(quote=made.raw, certificates=made.certificates)))
        reply = parse(_receive(control), CollateralReply)
        return QuoteAnswer(quote=made.raw, collateral=reply.collateral, platform=platform, runtime=runtime)

    return answer


def start_runtime(relay: socket.socket, quoting: socket.socket) -> "subprocess.Popen[bytes]":
    """Start the measured runtime of the image."""
    (python,) = (RUNTIME / "python" / "bin").iterdir()
    command = [str(python), "-I", "-S", "-B", "-X", "utf8", str(RUNTIME / "boot.py")]
    return start_process(
        [*command, str(relay.fileno()), str(quoting.fileno()), str(RUNTIME / "packages")], relay, quoting
    )


def start_process(command: Sequence[str], relay: socket.socket, quoting: socket.socket) -> "subprocess.Popen[bytes]":
    """Start a runtime that inherits only its two sockets."""
    return subprocess.Popen(  # noqa: S603  no argument is untrusted
        command, stdin=subprocess.DEVNULL, env={}, pass_fds=(relay.fileno(), quoting.fileno())
    )


def main() -> int:
    """Serve the host: over vsock in a guest, over loopback in an SGX enclave, which has no vsock."""
    gramine = GramineAttestation()
    in_gramine = gramine.is_available()
    family = socket.AF_INET if in_gramine else socket.AF_VSOCK
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1" if in_gramine else socket.VMADDR_CID_ANY, PORT))
        listener.listen(2)
        return serve(listener, gramine if in_gramine else ConfigfsTsm(), start_runtime)


def _send(channel: socket.socket, body: bytes) -> None:
    channel.sendall(len(body).to_bytes(4, "big") + body)


def _receive(channel: socket.socket) -> bytes:
    size = int.from_bytes(_receive_exactly(channel, 4), "big")
    if size > MAX_FRAME_BYTES:
        raise HostFailed("the host sent a frame above the limit.")
    return _receive_exactly(channel, size)


def _receive_exactly(channel: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = channel.recv(size - len(parts))
        if not part:
            raise HostFailed("the host closed the connection.")
        parts += part
    return bytes(parts)

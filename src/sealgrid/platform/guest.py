"""What runs inside a confidential guest: it takes one launch from the host, quotes once, runs the runtime, ends.

The host opens two connections. Over the first it sends the launch; there it is asked once for collateral of the quote,
which vaults judge, so that a lying host gains nothing. The second carries the relay. Frames: u32 big-endian length ‖
JSON. Started in the image as ``python -I -S guest.py``; ``runtime build`` lays it out.
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
MOST_FRAME_BYTES = 2 << 20
RUNTIME = Path("/runtime")

QuoteSource = ConfigfsTsm | GramineAttestation
StartRuntime = Callable[
    [socket.socket, socket.socket], "subprocess.Popen[bytes]"
]  #: relay, quoting -> the runtime's process


class CollateralRequest(Message, frozen=True, kw_only=True):
    """What a guest asks its host for: collateral for this quote."""

    quote: bytes
    certificates: bytes  #: the host's own table, which the guest was handed with an SEV-SNP report


class CollateralReply(Message, frozen=True, kw_only=True):
    """What the host found."""

    collateral: bytes


def serve(listener: socket.socket, source: QuoteSource, start: StartRuntime) -> int:
    """Run one launch to its end; return the runtime's exit code. Raises HostFailed when the host breaks the form."""
    control, _ = listener.accept()
    with control:
        launch = parse(_receive(control), LaunchRequest)
        relay, _ = listener.accept()
        ours, theirs = socket.socketpair()
        with relay, theirs:
            process = start(relay, theirs)
        try:
            asyncio.run(serve_one_quote(ours, launch, quote_function(launch, source, control)))
        except BaseException:
            process.kill()
            raise
        finally:
            code = process.wait()
        return code


def quote_function(launch: LaunchRequest, source: QuoteSource, control: socket.socket) -> QuoteFunction:
    """Return the runtime's way to its one quote; the host is asked for the collateral."""

    def answer(report_data: bytes) -> QuoteAnswer:
        made: RawQuote = source.quote(report_data)
        try:
            platform, runtime = claimed_identity(made.raw, launch.app_digest)
        except ValueError as error:
            raise HostFailed("the hardware gave something that is no quote.") from error
        _send(control, encode(CollateralRequest(quote=made.raw, certificates=made.certificates)))
        found = parse(_receive(control), CollateralReply)
        return QuoteAnswer(quote=made.raw, collateral=found.collateral, platform=platform, runtime=runtime)

    return answer


def start_runtime(relay: socket.socket, quoting: socket.socket) -> "subprocess.Popen[bytes]":
    """Start the measured runtime as it lies in the image."""
    (python,) = (RUNTIME / "python" / "bin").iterdir()
    command = [str(python), "-I", "-S", "-B", "-X", "utf8", str(RUNTIME / "boot.py")]
    return start_process(
        [*command, str(relay.fileno()), str(quoting.fileno()), str(RUNTIME / "packages")], relay, quoting
    )


def start_process(command: Sequence[str], relay: socket.socket, quoting: socket.socket) -> "subprocess.Popen[bytes]":
    """Start a runtime that inherits its two sockets and nothing else."""
    return subprocess.Popen(  # noqa: S603  every word is ours
        command, stdin=subprocess.DEVNULL, env={}, pass_fds=(relay.fileno(), quoting.fileno())
    )


def main() -> int:
    """Serve the host: over vsock from a guest, over this machine's loopback from an enclave, which has no vsock."""
    gramine = GramineAttestation()
    in_gramine = gramine.there()
    family = socket.AF_INET if in_gramine else socket.AF_VSOCK
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1" if in_gramine else socket.VMADDR_CID_ANY, PORT))
        listener.listen(2)
        return serve(listener, gramine if in_gramine else ConfigfsTsm(), start_runtime)


def _send(channel: socket.socket, body: bytes) -> None:
    channel.sendall(len(body).to_bytes(4, "big") + body)


def _receive(channel: socket.socket) -> bytes:
    size = int.from_bytes(_receive_exactly(channel, 4), "big")
    if size > MOST_FRAME_BYTES:
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

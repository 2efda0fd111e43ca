"""First code of a benchmark's enclave: lay out the locked app like the runtime, run it, and report each stage."""

import asyncio
import socket
import sys
from pathlib import Path


def boot(relay_fd: str, quote_fd: str, *packages: str) -> None:
    """Run over the two inherited sockets; the imports wait for the measured path."""
    sys.path[:0] = packages
    asyncio.run(main(socket.socket(fileno=int(relay_fd)), socket.socket(fileno=int(quote_fd))))


async def main(relay_socket: socket.socket, quote_socket: socket.socket) -> None:
    """Prepare and run the app; stage "running" means prepared, "sealed" means ended."""
    import msgspec  # noqa: PLC0415

    from sealgrid.enclave import session  # noqa: F401, PLC0415  all that a real enclave has imported by then
    from sealgrid.enclave.job.app_preparation import prepare  # noqa: PLC0415
    from sealgrid.enclave.protocol.quote_port import QuotePort  # noqa: PLC0415
    from sealgrid.enclave.sandbox import sandbox  # noqa: PLC0415  all that a real enclave has imported by then
    from sealgrid.units import ZERO_ADDRESS  # noqa: PLC0415
    from sealgrid.wire.relay import EnclaveFailure, RelayClient, RelayHello  # noqa: PLC0415

    launch = QuotePort(quote_socket).launch()
    relay = RelayClient(*await asyncio.open_unix_connection(sock=relay_socket))
    await relay.call("hello", body=msgspec.msgpack.encode(RelayHello(enclave=ZERO_ADDRESS)))
    prepared = await prepare(relay, launch.app_digest, Path("/job"))
    await relay.call("stage", path="running")
    manifest = prepared.bundle.manifest
    app = sandbox.AppRun(prepared.folders.sandbox_folders(), manifest.entrypoint, limits=manifest.limits)
    ended = await asyncio.to_thread(sandbox.run, app)
    await relay.call("stage", path="sealed")
    await relay.call(
        "fail", body=msgspec.msgpack.encode(EnclaveFailure(kind="host", reason=str(getattr(ended, "code", ended))))
    )


if __name__ == "__main__":
    boot(*sys.argv[1:])

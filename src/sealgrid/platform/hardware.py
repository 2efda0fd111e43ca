"""Platform of a machine with confidential hardware: each launch is one guest, which quotes for itself.

It starts the recipe's ``launch.sh``, sends launch and relay to the guest over vsock, and answers the guest's request
for collateral. Vaults verify all of it: a malicious platform can fail a job but learns no secret. **Not run on hardware
here**: tested with processes as guests, over Unix sockets.
"""

import asyncio
import logging
import secrets
import socket
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import msgspec

from sealgrid.attestation.policy import Platform
from sealgrid.errors import HostFailed, NotFound, SealgridError
from sealgrid.platform.collateral import CollateralCache
from sealgrid.platform.guest import MAX_FRAME_BYTES, PORT, CollateralReply, CollateralRequest
from sealgrid.platform.hardware_quotes import RawQuote
from sealgrid.platform.instance import EnclaveInstance, connect_relay
from sealgrid.units import Digest
from sealgrid.wire.message import encode, parse
from sealgrid.wire.platform import LaunchReply, LaunchRequest, RuntimeMeasurement, StartReply, StartRequest
from sealgrid.wire.relay import write_frame
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess

FIRST_CONTEXT = 100  #: first vsock context of guests; lower ones are reserved
START_SECONDS = 120.0  #: time limit for the start of a guest
PUMP_BYTES = 1 << 16
_log = logging.getLogger("sealgrid.platform")

Connect = Callable[[int], Awaitable[socket.socket]]  #: a guest's vsock context -> a connection to it, or OSError


@dataclass(frozen=True, slots=True)
class HardwareConfig:
    """Launch settings of this machine. The runtime fields are for the operator; vaults read them from quotes."""

    platform: Platform
    launch: Path  #: the recipe's script: launch.sh APP_DIGEST CONTEXT
    runtime: Digest
    root_ca_der: bytes
    files: int  #: number of files of the runtime
    python: str  #: Python version of the runtime, as "3.13"
    access: ServiceAccess = DEFAULT_ACCESS


class HardwarePlatform:
    """Launches guests; must be created on the event loop's thread, like ``EnclaveInstance``."""

    def __init__(self, config: HardwareConfig, collateral: CollateralCache, connect: Connect) -> None:
        self._config, self._collateral, self._connect = config, collateral, connect
        self._contexts = count(FIRST_CONTEXT)
        self._instances: dict[str, EnclaveInstance] = {}
        self._serving: set[asyncio.Task[None]] = set()

    def measurement(self) -> RuntimeMeasurement:
        """Return the configured identity of the runtime."""
        config = self._config
        return RuntimeMeasurement(
            platform=config.platform,
            runtime=config.runtime,
            root_ca_der=config.root_ca_der,
            files=config.files,
            python=config.python,
        )

    async def launch(self, request: LaunchRequest) -> LaunchReply:
        """Start a guest with this app locked into its evidence, and serve it in the background.

        Raises InputRefused if no process listens at the relay, HostFailed if the guest cannot be started.
        """
        relay, context = connect_relay(request.relay), next(self._contexts)
        try:
            process = subprocess.Popen(  # noqa: S603, ASYNC220  the operator's script, with two trusted arguments
                [str(self._config.launch), request.app_digest, str(context)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            relay.close()
            raise HostFailed(f"{self._config.launch} cannot be started ({error.strerror}).") from error
        name, instance = secrets.token_hex(8), EnclaveInstance(process, relay)
        self._instances[name] = instance
        task = asyncio.create_task(self._supervise(name, instance, context, request, relay.dup()))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return LaunchReply(instance=name, platform=self._config.platform, runtime=self._config.runtime)

    async def start(self, request: StartRequest) -> StartReply:  # noqa: ARG002  as on every platform
        """Start nothing: the app is part of what the hardware measures at the start of a guest."""
        return StartReply(instance="")

    async def assign(self, name: str, request: LaunchRequest) -> LaunchReply:  # noqa: ARG002  as on every platform
        """Raise NotFound: no guest of this platform waits."""
        raise NotFound(f"no guest {name!r} waits for a task.")

    async def stop(self, name: str) -> None:
        """Stop a guest; no error if it is unknown."""
        if (instance := self._instances.get(name)) is not None:
            await instance.stop()

    async def close(self) -> None:
        """Stop every guest."""
        await asyncio.gather(*(instance.stop() for instance in list(self._instances.values())))
        await asyncio.gather(*self._serving, return_exceptions=True)

    def running(self) -> tuple[str, ...]:
        """Return the names of the running guests."""
        return tuple(self._instances)

    async def _supervise(
        self, name: str, instance: EnclaveInstance, context: int, request: LaunchRequest, relay: socket.socket
    ) -> None:
        serving = asyncio.create_task(self._serve(context, request, relay))
        try:
            await asyncio.wait(
                {serving, ended := asyncio.ensure_future(instance.wait())}, return_when="FIRST_COMPLETED"
            )
            if not ended.done() and (broken := serving.exception()) is not None:
                _log.warning("a guest was stopped: %s", broken)
            elif not ended.done():
                await ended
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError, SealgridError, OSError, EOFError):
                await serving
            await instance.stop()
            relay.close()
            del self._instances[name]

    async def _serve(self, context: int, request: LaunchRequest, relay: socket.socket) -> None:
        reader, writer = await self._connect_guest(context)
        write_frame(writer, encode(msgspec.structs.replace(request, relay="")))
        await writer.drain()
        theirs = await self._connect_guest(context)
        ours = await asyncio.open_unix_connection(sock=relay)
        copying = [
            asyncio.create_task(_copy_stream(ours[0], theirs[1])),
            asyncio.create_task(_copy_stream(theirs[0], ours[1])),
        ]
        try:
            size = int.from_bytes(await reader.readexactly(4), "big")
            if size > MAX_FRAME_BYTES:
                raise HostFailed("the guest sent a frame above the limit.")
            collateral_request = parse(await reader.readexactly(size), CollateralRequest)
            collateral = await self._collateral.collateral_for(
                RawQuote(collateral_request.quote, collateral_request.certificates)
            )
            write_frame(writer, encode(CollateralReply(collateral=collateral.raw)))
            await writer.drain()
            await asyncio.gather(*copying)
        finally:
            for task in copying:
                task.cancel()
            for end in (writer, theirs[1], ours[1]):
                end.close()

    async def _connect_guest(self, context: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while True:
            try:
                return await asyncio.open_connection(sock=await self._connect(context))
            except OSError as error:  # the guest is still starting
                if asyncio.get_running_loop().time() > deadline:
                    raise HostFailed("the guest did not start in time.") from error
                await asyncio.sleep(0.1)


async def connect_vsock(context: int) -> socket.socket:
    """Connect to a guest's port; raise OSError until it listens."""
    channel = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    try:
        await asyncio.to_thread(channel.connect, (context, PORT))
    except OSError:
        channel.close()
        raise
    channel.setblocking(False)
    return channel


async def _copy_stream(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while part := await source.read(PUMP_BYTES):
        target.write(part)
        await target.drain()
    target.close()

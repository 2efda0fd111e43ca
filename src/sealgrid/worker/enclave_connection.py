"""One enclave of a worker: the socket that the worker serves it on, and its instance on the platform."""

import asyncio
import contextlib
import shutil
from pathlib import Path

import msgspec

from sealgrid.errors import SealgridError
from sealgrid.wire.platform import LaunchRequest, PlatformClient
from sealgrid.worker.relay import Outcome, RelayServer
from sealgrid.worker.relay_folders import make_relay_folder


class EnclaveConnection:
    """Serves one enclave, which the platform launches for a task or starts before one; must be closed."""

    def __init__(self, platform: PlatformClient, server: RelayServer, worker: Path) -> None:
        """``worker`` is the worker's folder."""
        self._platform, self._server, self._worker = platform, server, worker
        self._folder: Path | None = None
        self._listener: asyncio.Server | None = None
        self._instance = ""

    @property
    def server(self) -> RelayServer:
        """Return the worker's end of the relay."""
        return self._server

    async def launch(self, request: LaunchRequest) -> None:
        """Launch an enclave for a task; the request's relay is replaced by this one."""
        relay = await self._listen()
        self._instance = (await self._platform.launch(msgspec.structs.replace(request, relay=relay))).instance

    async def start(self) -> bool:
        """Start an enclave that waits for its task; return whether the platform can do that."""
        self._instance = (await self._platform.start(await self._listen())).instance
        return bool(self._instance)

    async def assign(self, request: LaunchRequest) -> None:
        """Give the waiting enclave its task; raise NotFound if it cannot have one."""
        await self._platform.assign(self._instance, request)

    async def outcome(self) -> Outcome:
        """Wait until the enclave ends; raise HostFailed when it disconnects without an outcome."""
        return await self._server.outcome()

    async def close(self) -> None:
        """Stop the enclave and remove the socket; does nothing the second time."""
        instance, self._instance = self._instance, ""
        if instance:
            with contextlib.suppress(SealgridError):
                await self._platform.stop(instance)
        if self._listener is not None:
            self._listener.close()
        await self._server.hang_up()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _listen(self) -> str:
        self._folder = make_relay_folder(self._worker)
        relay = self._folder / "relay"
        self._listener = await asyncio.start_unix_server(self._server.serve, relay, limit=1 << 20)
        return str(relay)

"""Enclaves that a worker starts before it has a task, one for each free slot. Each runs one task at most."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from sealgrid.units import Digest
from sealgrid.worker.enclave_connection import EnclaveConnection
from sealgrid.worker.enclave_files import EnclaveFiles
from sealgrid.worker.exposure_log import ExposureLog
from sealgrid.worker.job_context import JobContext
from sealgrid.worker.relay import RelayServer

_log = logging.getLogger("sealgrid.worker")


@dataclass(frozen=True, slots=True)
class ExpectedApp:
    """The app that a worker expects to run next."""

    digest: Digest
    bundle: str  #: IPFS path of its bundle


@dataclass(frozen=True, slots=True)
class WarmEnclave:
    """A started enclave without a task, and what it has read so far."""

    connection: EnclaveConnection
    exposures: ExposureLog


class ExpectedAppFiles:
    """Replies to an enclave without a task: the app that the worker expects, and files of it."""

    def __init__(self, app: ExpectedApp | None, files: EnclaveFiles) -> None:
        self.expected = "" if app is None else app.digest
        self._files = files

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Return one piece of a file."""
        return await self._files.read(name, offset, length)


class WarmEnclaves:
    """Starts enclaves in the background and hands each out once."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._starting: list[tuple[ExpectedApp | None, asyncio.Task[WarmEnclave | None]]] = []

    def start(self, app: ExpectedApp | None) -> None:
        """Start one more enclave in the background; it lays out ``app``, if any."""
        self._starting.append((app, asyncio.create_task(self._start(app))))

    async def take(self, app_digest: Digest) -> WarmEnclave | None:
        """Return an enclave that has no task yet, one that laid out this app if possible; None if there is none."""
        if not self._starting:
            return None
        prepared = (each for each in self._starting if each[0] is not None and each[0].digest == app_digest)
        chosen = next(prepared, self._starting[0])
        self._starting.remove(chosen)
        enclave = await chosen[1]
        if enclave is not None and enclave.connection.server.has_ended:  # the platform restarted, for example
            await enclave.connection.close()
            return None
        return enclave

    async def close(self) -> None:
        """Stop every enclave that was not taken."""
        while self._starting:
            _, task = self._starting.pop()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                if (enclave := await task) is not None:
                    await enclave.connection.close()

    async def _start(self, app: ExpectedApp | None) -> WarmEnclave | None:
        context, exposures = self._context, ExposureLog()
        files = EnclaveFiles(app.bundle if app else "", context.source, context.cache, context.wheels, exposures)
        connection = EnclaveConnection(context.platform, RelayServer(None, ExpectedAppFiles(app, files)))
        is_started = False
        try:
            is_started = await connection.start()
        except Exception as error:  # noqa: BLE001  jobs can run without it
            _log.warning("no enclave could be started before its task: %s", error)
        finally:
            if not is_started:
                await connection.close()
        return WarmEnclave(connection, exposures) if is_started else None

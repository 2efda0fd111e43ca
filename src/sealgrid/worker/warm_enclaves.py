"""Enclaves that a worker starts before it has a task, one for each free slot. Each runs one task at most."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Final

from sealgrid.units import Digest
from sealgrid.worker.enclave_connection import EnclaveConnection
from sealgrid.worker.enclave_files import EnclaveFiles
from sealgrid.worker.exposure_log import ExposureLog
from sealgrid.worker.job_context import JobContext
from sealgrid.worker.relay import RelayServer

START_SECONDS: Final = 10.0  #: well within a pool's lease
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


@dataclass(frozen=True, slots=True, eq=False)
class _Start:
    """The start of one enclave."""

    app: ExpectedApp | None
    start: "asyncio.Task[WarmEnclave | None]"

    def expects(self, app_digest: Digest) -> bool:
        return self.app is not None and self.app.digest == app_digest


class WarmEnclaves:
    """Starts enclaves in the background and hands each out once."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._starting: list[_Start] = []

    def start(self, app: ExpectedApp | None) -> None:
        """Start one more enclave in the background; it lays out ``app``, if any."""
        self._starting.append(_Start(app, asyncio.create_task(self._start(app))))

    def fill(self, count: int) -> None:
        """Start enclaves without an expected app until there are ``count``."""
        for _ in range(count - len(self._starting)):
            self.start(None)

    async def take(self, app_digest: Digest) -> WarmEnclave | None:
        """Return an enclave that has no task yet, one that laid out this app if possible.

        Waits START_SECONDS at most for one that is still starting: no lease is renewed meanwhile. None without one.
        """
        while self._starting:
            chosen = min(self._starting, key=lambda each: (not each.start.done(), not each.expects(app_digest)))
            await asyncio.wait({chosen.start}, timeout=START_SECONDS)
            if chosen not in self._starting:  # another task took it
                continue
            if not chosen.start.done():
                return None
            self._starting.remove(chosen)
            enclave = chosen.start.result()
            if enclave is not None and not enclave.connection.server.has_ended:
                return enclave
            if enclave is not None:  # the platform restarted, for example
                await enclave.connection.close()
        return None

    async def close(self) -> None:
        """Stop every enclave that was not taken."""
        while self._starting:
            task = self._starting.pop().start
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                if (enclave := await task) is not None:
                    await enclave.connection.close()

    async def _start(self, app: ExpectedApp | None) -> WarmEnclave | None:
        context, exposures = self._context, ExposureLog()
        files = EnclaveFiles(app.bundle if app else "", context.source, context.cache, context.wheels, exposures)
        server = RelayServer(None, ExpectedAppFiles(app, files))
        connection = EnclaveConnection(context.platform, server, context.config.folder)
        is_started = False
        try:
            is_started = await connection.start()
        except Exception as error:  # noqa: BLE001  jobs can run without it
            _log.warning("no enclave could be started before its task: %s", error)
        finally:
            if not is_started:
                await connection.close()
        return WarmEnclave(connection, exposures) if is_started else None

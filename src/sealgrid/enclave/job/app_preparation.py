"""Fetch, verify and lay out an app, also before the enclave knows its task."""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealgrid.bundle.verify import VerifiedBundle, verify_bundle
from sealgrid.enclave.job.app_layout import JobFolders, check_runtime_interpreter, lay_out_app, lay_out_imports
from sealgrid.enclave.protocol.relay_files import fetch_bundle
from sealgrid.errors import SealgridError
from sealgrid.units import Digest, to_digest
from sealgrid.wire.relay import RelayClient


@dataclass(frozen=True)
class PreparedApp:
    """A verified app that is laid out to run; it holds nothing secret."""

    bundle: VerifiedBundle
    folders: JobFolders


class AppPreparation:
    """Lays out one app below ``root``, which must be empty and memory-backed.

    The worker may name the app that it expects. The name decides nothing: the app is verified against its digest, and
    is removed when the task turns out to be another app's, which has a folder of its own: a thread that still writes
    the expected one reaches no file of it.
    """

    def __init__(self, relay: RelayClient, root: Path) -> None:
        self._relay, self._root = relay, root
        self._expected: Digest | None = None
        self.early: asyncio.Task[PreparedApp] | None = None  #: lays out the expected app

    async def begin_expected(self, launched: "asyncio.Future[Any]") -> None:
        """Ask the worker for the app that it expects, and lay it out in the background.

        Does nothing if the task is known before the worker answers, or if the worker expects none.
        """
        asking = asyncio.create_task(self._relay.call("prepare"))
        either: set[asyncio.Future[Any]] = {asking, launched}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if launched.done():
            asking.cancel()
            return
        try:
            self._expected = to_digest((await asking).decode())
        except (SealgridError, ValueError):
            return
        self.early = asyncio.create_task(prepare(self._relay, self._expected, _new_folder(self._root / "expected")))

    async def prepared(self, app_digest: Digest) -> PreparedApp:
        """Return the app that is locked into the evidence, laid out; raise BundleRefused for another app."""
        if self.early is not None:
            if app_digest != self._expected:
                self.early.cancel()
            await asyncio.wait({self.early})
            if app_digest == self._expected and self.early.exception() is None:
                return self.early.result()
            await asyncio.to_thread(shutil.rmtree, self._root / "expected", ignore_errors=True)
        return await prepare(self._relay, app_digest, _new_folder(self._root / "task"))


async def prepare(relay: RelayClient, app_digest: Digest, root: Path) -> PreparedApp:
    """Fetch, verify and lay out an app; raise BundleRefused for another one."""
    folders = JobFolders(root)
    bundle = verify_bundle(await fetch_bundle(relay), app_digest)
    check_runtime_interpreter(bundle.manifest)
    lay_out_app(bundle, folders.path("app"))
    await lay_out_imports(relay, bundle.manifest, folders.path("downloads"), folders.path("wheels"))
    return PreparedApp(bundle, folders)


def _new_folder(path: Path) -> Path:
    path.mkdir(mode=0o755)
    return path

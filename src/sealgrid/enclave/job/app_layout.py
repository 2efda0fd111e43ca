"""Folders of a task, and the layout of an app and its imports in them."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sealgrid.bundle.archive import BROKEN
from sealgrid.bundle.environment_writer import END_BYTES, EnvironmentWriter, directory_start
from sealgrid.bundle.interpreter import running_python
from sealgrid.bundle.manifest import Manifest
from sealgrid.bundle.verify import VerifiedBundle
from sealgrid.bundle.wheel_unpacker import unpack_wheels
from sealgrid.enclave.protocol.relay_files import batches, copy, read, write_new
from sealgrid.enclave.sandbox.bubblewrap import SandboxFolders
from sealgrid.errors import HostFailed
from sealgrid.wire.relay import RelayClient


@dataclass(frozen=True)
class JobFolders:
    """The memory-backed folders of one task; each has one writer (docs/protocol/bundle.md, "Files of a task")."""

    root: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def path(self, name: str) -> Path:
        """Return one folder, which is created when missing."""
        path = self.root / name
        path.mkdir(mode=0o755, exist_ok=True)
        return path

    def new_scratch_path(self) -> Path:
        """Return an unused path for a file of the runtime itself."""
        return self.path("scratch") / str(next(self._numbers))

    def sandbox_folders(self) -> SandboxFolders:
        """Return the folders that the app sees."""
        return SandboxFolders(
            app=self.path("app"),
            wheels=self.path("wheels"),
            datasets=self.path("datasets"),
            inputs=self.path("inputs"),
            outputs=self.path("out"),
        )


def lay_out_app(bundle: VerifiedBundle, target: Path) -> None:
    """Write an app's files below ``target``, which must be empty and memory-backed."""
    for name, content in bundle.files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(path, content)


def check_runtime_interpreter(manifest: Manifest) -> None:
    """Raise HostFailed when this runtime's interpreter is not the one that the app is built for.

    Sealgrid's own clients do not buy such a run (check 13 of a bundle). Other clients can. It proves nothing about the
    app: the host chose the runtime.
    """
    python = running_python()
    if manifest.python != python:
        raise HostFailed(f"the app is built for Python {manifest.python}, this runtime has {python}.")


async def lay_out_imports(relay: RelayClient, manifest: Manifest, downloads: Path, target: Path) -> None:
    """Fetch and lay out what the app imports: its environment where the manifest pins one, else its wheels.

    ``target`` must be empty and memory-backed, and must not be used before this returns. Raises BundleRefused.
    """
    environment, wheels = manifest.environment, manifest.wheels
    if environment is None:
        # unpack_wheels checks the digests, on the enclave's own copies.
        copies = await asyncio.gather(*(copy(relay, wheel.sha256, downloads / wheel.filename) for wheel in wheels))
        by_name = {wheel.filename: each for wheel, each in zip(wheels, copies, strict=True)}
        await asyncio.to_thread(unpack_wheels, wheels, by_name, target)
        return
    name, size = environment.sha256, environment.size
    start = directory_start(environment, await read(relay, name, max(size - END_BYTES, 0), size))
    directory = await read(relay, name, start, size)
    writer = await asyncio.to_thread(EnvironmentWriter, environment, directory, target, downloads / "environment")
    pending = None
    try:
        async for batch in batches(relay, name, writer.start):
            if pending is not None:
                await pending
            pending = asyncio.create_task(asyncio.to_thread(writer.write, *batch))
        if pending is not None:
            await pending
    except BROKEN as error:
        raise HostFailed(f"the environment could not be laid out ({type(error).__name__}).") from error
    finally:
        if pending is not None:  # its thread writes on, also when a read failed or the layout is cancelled
            await asyncio.wait({pending})
        writer.close()
    writer.finish()

"""Lay out what an app consists of, for the interpreter that this runtime has."""

import asyncio
from pathlib import Path

from sealgrid.bundle.archive import BROKEN
from sealgrid.bundle.environment_writer import END_BYTES, EnvironmentWriter, directory_start
from sealgrid.bundle.interpreter import running_python
from sealgrid.bundle.manifest import EnvironmentEntry, Manifest
from sealgrid.bundle.verify import VerifiedBundle
from sealgrid.bundle.wheel_unpacker import unpack_wheels
from sealgrid.enclave.protocol.file_fetcher import batches, copy, read, write_new
from sealgrid.errors import HostFailed
from sealgrid.wire.relay import RelayClient


def lay_out_app(bundle: VerifiedBundle, target: Path) -> None:
    """Write an app's files below ``target``, which must be empty and memory-backed."""
    for path, content in bundle.files.items():
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        write_new(place, content)


def expect_interpreter(manifest: Manifest) -> None:
    """Raise HostFailed when this runtime's interpreter is not the one that the app is built for.

    Sealgrid's own clients do not buy such a run (check 13 of a bundle). Others can, and it proves nothing about the
    app: the host chose the runtime.
    """
    ours = running_python()
    if manifest.python != ours:
        raise HostFailed(f"the app is built for Python {manifest.python}, this runtime has {ours}.")


async def lay_out_imports(relay: RelayClient, manifest: Manifest, downloads: Path, target: Path) -> None:
    """Fetch what the app imports and lay it out: its one environment where the manifest pins one, else its wheels.

    ``target`` must be empty and memory-backed, and nothing may use it before this returns. Raises BundleRefused.
    """
    if manifest.environment is None:
        await _wheels(relay, manifest, downloads, target)
    else:
        await _environment(relay, manifest.environment, downloads, target)


async def _wheels(relay: RelayClient, manifest: Manifest, downloads: Path, target: Path) -> None:
    # Their digests are checked where they are unpacked, on the enclave's own copies.
    names = [wheel.filename for wheel in manifest.wheels]
    copies = await asyncio.gather(*(copy(relay, wheel.sha256, downloads / wheel.filename) for wheel in manifest.wheels))
    await asyncio.to_thread(unpack_wheels, manifest.wheels, dict(zip(names, copies, strict=True)), target)


async def _environment(relay: RelayClient, environment: EnvironmentEntry, downloads: Path, target: Path) -> None:
    name, size = environment.sha256, environment.size
    start = directory_start(environment, await read(relay, name, max(size - END_BYTES, 0), size))
    directory = await read(relay, name, start, size)
    arriving = await asyncio.to_thread(EnvironmentWriter, environment, directory, target, downloads / "environment")
    writing = None
    try:
        async for batch in batches(relay, name, arriving.start):
            if writing is not None:
                await writing
            writing = asyncio.create_task(asyncio.to_thread(_take, arriving, batch))
        if writing is not None:
            await writing
    except BROKEN as error:
        raise HostFailed(f"the environment could not be laid out ({type(error).__name__}).") from error
    arriving.finish()


def _take(arriving: EnvironmentWriter, batch: list[bytes]) -> None:
    for piece in batch:
        arriving.take(piece)

"""How much memory apps may use: the limits in their manifests, read from their bundles on a storage node."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from sealgrid.bundle.archive import BROKEN, open_archive
from sealgrid.bundle.manifest import MANIFEST
from sealgrid.bundle.verify import MAX_FILES, MAX_MANIFEST_BYTES, read_manifest
from sealgrid.crypto.digests import digest_of_cid
from sealgrid.errors import BundleRefused, SealgridError
from sealgrid.units import Digest

MAX_BUNDLE: Final = 16 << 20  #: bytes; of a larger bundle the limits stay unknown
_READ_SECONDS: Final = 2.0  #: deals are not delayed longer by a storage node that does not answer
_AGAIN_SECONDS: Final = 60.0  #: after which a bundle that could not be read is tried again
_APPS: Final = 1000
_log = logging.getLogger("sealgrid.pool")

ReadFile = Callable[[Digest, int], Awaitable[bytes]]  #: reads a verified file of at most so many bytes


class AppMemory:
    """Reads and caches the limits; without ``read_file`` they are unknown."""

    def __init__(self, read_file: ReadFile | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._read_file, self._clock = read_file, clock
        self._known: dict[Digest, tuple[int, float]] = {}  # bytes, and until when

    async def of(self, app_digest: Digest, bundle: str) -> int:
        """Return the bytes that an app may use; 0 if its bundle cannot be read or is not this app."""
        if self._read_file is None:
            return 0
        known, until = self._known.get(app_digest, (0, 0.0))
        if self._clock() < until:
            return known
        if len(self._known) >= _APPS:
            del self._known[next(iter(self._known))]
        try:
            async with asyncio.timeout(_READ_SECONDS):
                archive = await self._read_file(digest_of_cid(bundle.removeprefix("/ipfs/")), MAX_BUNDLE)
            memory, until = _memory_limit(archive, app_digest), float("inf")
        except (SealgridError, TimeoutError, *BROKEN) as error:
            _log.warning("the memory limit of app %s is unknown: %s", app_digest, error)
            memory, until = 0, self._clock() + _AGAIN_SECONDS
        self._known[app_digest] = memory, until
        return memory


def _memory_limit(archive: bytes, app_digest: Digest) -> int:
    """Return the limit in an app's bundle, which a stranger made: only a manifest that may be one is unpacked."""
    with open_archive(archive, MAX_FILES + 1) as source:
        entry = source.getinfo(MANIFEST)
        if entry.compress_type or entry.file_size > MAX_MANIFEST_BYTES:
            raise BundleRefused("3", f"a manifest has at most {MAX_MANIFEST_BYTES} bytes, and is not compressed.")
        return read_manifest(source.read(entry), app_digest).limits.memory

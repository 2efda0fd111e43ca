"""Files that an enclave reads through its worker: the bundle of one app, wheels, environments, sealed files."""

import asyncio
import logging
import os
from pathlib import Path

from sealgrid.crypto.digests import digest_of_cid
from sealgrid.errors import NotFound
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.file_store import VerifyingReader
from sealgrid.storage.local_files import fetch_to_cache
from sealgrid.units import Digest, to_digest
from sealgrid.worker.exposure_log import ExposureLog
from sealgrid.worker.wheel_index import WheelIndex

BUNDLE = "bundle"  #: name by which the enclave requests the app's bundle

_log = logging.getLogger("sealgrid")


class EnclaveFiles:
    """Files for one enclave, from the worker's cache, else from storage; ``bundle`` is the IPFS path of the app's."""

    def __init__(
        self, bundle: str, source: VerifyingReader, cache: ContentFolder, wheels: WheelIndex, exposures: ExposureLog
    ) -> None:
        self._bundle, self._source, self._cache, self._wheels = bundle, source, cache, wheels
        self._exposures = exposures
        self._used: set[Digest] = set()  # files of the cache
        self.progress = ""  #: what is happening with the file that was asked for last, for the requester

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Return one piece of the bundle or of the file with this digest; raise NotFound."""
        path = await self.path(name)
        with path.open("rb") as file:
            file.seek(offset)
            piece = file.read(length)
            size = os.fstat(file.fileno()).st_size
        self.progress = f"the enclave has read {_megabytes(offset + len(piece))} of {_megabytes(size)}"
        if offset == 0:
            shown = name if name == BUNDLE else path.name
            self._exposures.record(f"file {shown}, {size} bytes", piece)
        return piece

    async def path(self, name: str) -> Path:
        """Return the local copy of a file; raise NotFound."""
        if name == BUNDLE:
            return await self._cached(digest_of_cid(self._bundle.removeprefix("/ipfs/")))
        try:
            sha256 = to_digest(name)
        except ValueError as error:
            raise NotFound(f"{name[:80]!r} is not the digest of a file.") from error
        wheel = await self._wheels.path(sha256)
        return wheel or await self._cached(sha256)

    async def remove_altered(self) -> None:
        """Remove the files that this enclave used from the cache if their content changed on the disk."""
        for sha256 in self._used:
            try:
                if await asyncio.to_thread(self._cache.remove_altered, sha256):
                    _log.warning("the cached file %s had changed on the disk; it is fetched again when needed", sha256)
            except OSError as error:
                _log.warning("the cached file %s cannot be removed (%s)", sha256, error.strerror)

    async def _cached(self, sha256: Digest) -> Path:
        self._used.add(sha256)
        return await fetch_to_cache(sha256, self._source, self._cache, self._note_fetched)

    def _note_fetched(self, written: int) -> None:
        self.progress = f"the machine has fetched {_megabytes(written)}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"

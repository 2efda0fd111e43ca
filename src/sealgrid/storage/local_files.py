"""FileStore in a local folder: the cache of a worker, the files of a storage node."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from pathlib import Path

from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.file_store import NO_LIMIT, PIECE_BYTES, VerifyingReader
from sealgrid.units import Digest


class LocalFiles(VerifyingReader):
    """Files in a folder of this machine; each read verifies the content again."""

    def __init__(self, folder: ContentFolder) -> None:
        self.folder = folder

    async def put_file(self, path: Path) -> Digest:
        """Copy a file into the folder; return its digest."""
        return await asyncio.to_thread(self._store, _read_pieces(path))

    async def put_bytes(self, content: bytes) -> Digest:
        """Write bytes into the folder; return their digest."""
        return await asyncio.to_thread(self._store, [content])

    async def size(self, sha256: Digest) -> int:
        """Return a stored file's bytes; raise NotFound."""
        return self.folder.size(sha256)

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return one piece, unverified; shorter at the end of the file; raise NotFound."""
        return await asyncio.to_thread(self.folder.read, sha256, offset, length)

    async def pieces(self, sha256: Digest) -> AsyncGenerator[bytes]:
        """Yield a stored file; raise NotFound."""
        for offset in range(0, self.folder.size(sha256), PIECE_BYTES):
            yield await self.read(sha256, offset, PIECE_BYTES)

    def _store(self, pieces: Iterable[bytes]) -> Digest:
        incoming = self.folder.begin()
        try:
            for piece in pieces:
                incoming.write(piece)
            return incoming.store()
        except BaseException:
            incoming.discard()
            raise


async def fetch_to_cache(
    sha256: Digest,
    source: VerifyingReader,
    cache: ContentFolder,
    on_progress: Callable[[int], None] = lambda written: None,
    *,
    limit: int = NO_LIMIT,
) -> Path:
    """Return the path of a file in ``cache``; on a miss, read it once from ``source`` for all who ask, and verify it.

    ``on_progress`` is called with the number of bytes written so far; a file of more than ``limit`` bytes is refused.
    """

    async def store(copy: VerifyingReader) -> None:
        incoming = cache.begin()
        try:
            async for piece in copy.verified_pieces(sha256, min(limit, cache.file_limit, cache.total_limit)):
                await asyncio.to_thread(incoming.write, piece)
                on_progress(incoming.size)
            await asyncio.to_thread(incoming.store)
        except BaseException:
            incoming.discard()
            raise

    lock = cache.fetch_locks.setdefault(sha256, asyncio.Lock())
    async with lock:
        if not cache.holds(sha256):
            await source.try_smallest_copies(sha256, store)
        return cache.path(sha256)


def _read_pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece

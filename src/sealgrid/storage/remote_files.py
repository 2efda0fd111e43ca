"""FileStore on storage nodes: writes go to every node, reads come from any node and are verified here."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

from sealgrid.errors import ContentDiffers, NotFound, SealgridError, ServiceUnavailable
from sealgrid.storage.file_store import NO_LIMIT, PIECE_BYTES, VerifyingReader
from sealgrid.units import Digest, to_digest

T = TypeVar("T")
PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  #: seconds before an interrupted upload goes on


class StoredFile(Protocol):
    """Interface of ``sealgrid.wire.storage.StoredFileInfo``."""

    @property
    def sha256(self) -> Digest:
        """SHA-256 of the file."""

    @property
    def size(self) -> int:
        """Size in bytes."""


class StorageNodeCalls(Protocol):
    """Interface of ``sealgrid.wire.storage.StorageClient``; rooms of one layer do not import each other."""

    async def begin(self, size: int) -> str:
        """Start an upload of at most ``size`` bytes."""

    async def append(self, upload: str, piece: bytes, offset: int) -> None:
        """Append a piece at the offset that was reached; a repetition changes nothing."""

    async def finish(self, upload: str) -> StoredFile:
        """End an upload."""

    async def head(self, sha256: Digest) -> StoredFile:
        """Return the file's digest and size."""

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return one piece."""


class RemoteFiles(VerifyingReader):
    """Files at the storage nodes of a network.

    An upload whose connection breaks goes on where it stopped; after ``pauses``, in seconds, it fails.
    """

    def __init__(self, *nodes: StorageNodeCalls, pauses: Sequence[float] = PAUSES) -> None:
        self._nodes, self._pauses = nodes, pauses

    async def put_file(self, path: Path, on_progress: Callable[[int], None] = lambda sent: None) -> Digest:
        """Send a file in pieces; raise ContentDiffers if a node stored other content.

        ``on_progress`` is called with the number of bytes sent so far.
        """
        with path.open("rb") as file:
            running, sent, uploads = hashlib.sha256(), 0, await self._begin(path.stat().st_size)
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                running.update(piece)
                await self._append(uploads, piece, sent)
                sent += len(piece)
                on_progress(sent)
        return await self._finish(uploads, to_digest(running.digest()))

    async def put_bytes(self, content: bytes) -> Digest:
        """Send a file that fits in memory."""
        uploads = await self._begin(len(content))
        for start in range(0, len(content), PIECE_BYTES):
            await self._append(uploads, content[start : start + PIECE_BYTES], start)
        return await self._finish(uploads, to_digest(hashlib.sha256(content).digest()))

    async def size(self, sha256: Digest) -> int:
        """Return the size that a node reports, unverified; raise NotFound."""
        return (await self._from_any(lambda node: node.head(sha256))).size

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return at most ``length`` bytes of a file, unverified; the caller must verify them."""
        return await self._from_any(lambda node: node.read(sha256, offset, length))

    async def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        """Yield the file, unverified; raise NotFound, or ServiceUnavailable if every node stops early."""
        size, offset = await self.size(sha256), 0
        while offset < size:
            length = min(PIECE_BYTES, size - offset)
            piece = await self._from_any(lambda node: _read_piece(node, sha256, offset, length, size))  # noqa: B023  used at once
            offset += len(piece)
            yield piece

    async def get_file(self, sha256: Digest, path: Path, limit: int = NO_LIMIT) -> int:
        """Write the file to ``path``, from the first node whose copy verifies."""
        return await self._from_each(lambda files: VerifyingReader.get_file(files, sha256, path, limit))

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Return a verified file of at most ``limit`` bytes, from the first node whose copy verifies.

        A file of less than one piece takes one request: the digest shows that it is whole.
        """
        return await self._from_each(lambda files: _get_bytes(files, sha256, limit))

    async def _from_any(self, request: Callable[[StorageNodeCalls], Awaitable[T]]) -> T:
        return await _first_success([lambda node=node: request(node) for node in self._nodes])  # type: ignore[misc]

    async def _from_each(self, read: Callable[["RemoteFiles"], Awaitable[T]]) -> T:
        return await _first_success([lambda node=node: read(RemoteFiles(node)) for node in self._nodes])  # type: ignore[misc]

    async def _begin(self, size: int) -> list[str]:
        return await asyncio.gather(*(node.begin(size) for node in self._nodes))

    async def _append(self, uploads: list[str], piece: bytes, offset: int) -> None:
        pairs = zip(self._nodes, uploads, strict=True)
        # Each lambda is called within this expression's gather, with its own node.
        appends = [lambda node=node, upload=upload: node.append(upload, piece, offset) for node, upload in pairs]
        await asyncio.gather(*map(self._resumed, appends))

    async def _finish(self, uploads: list[str], sent: Digest) -> Digest:
        pairs = zip(self._nodes, uploads, strict=True)
        for stored in await asyncio.gather(*(self._finish_at(node, upload, sent) for node, upload in pairs)):
            if stored.sha256 != sent:
                raise ContentDiffers(
                    f"the storage node stored {stored.sha256} although {sent} was sent; use another node."
                )
        return sent

    async def _finish_at(self, node: StorageNodeCalls, upload: str, sent: Digest) -> StoredFile:
        try:
            return await self._resumed(lambda: node.finish(upload))
        except ServiceUnavailable as error:
            try:
                return await self._resumed(lambda: node.head(sent))  # it is stored, and the answer was lost
            except SealgridError:
                raise error from None

    async def _resumed(self, request: Callable[[], Awaitable[T]]) -> T:
        """Repeat a request while the node does not answer; raise its first error if it forgot the upload meanwhile."""
        first: ServiceUnavailable | None = None
        for pause in (*self._pauses, None):
            try:
                return await request()
            except ServiceUnavailable as error:
                first = first or error
                if pause is None:
                    raise first from error
                await asyncio.sleep(pause)
            except NotFound as error:
                raise (first or error) from error
        raise AssertionError


async def _get_bytes(files: RemoteFiles, sha256: Digest, limit: int) -> bytes:
    piece = await files.read(sha256, 0, PIECE_BYTES)
    if len(piece) <= limit and to_digest(hashlib.sha256(piece).digest()) == sha256:
        return piece
    return await VerifyingReader.get_bytes(files, sha256, limit)


async def _first_success(attempts: Sequence[Callable[[], Awaitable[T]]]) -> T:
    """Return the first successful result; raise the first error if every attempt fails."""
    errors: list[SealgridError] = []
    for attempt in attempts:
        try:
            return await attempt()
        except (NotFound, ServiceUnavailable, ContentDiffers) as error:
            errors.append(error)
    raise errors[0]


async def _read_piece(node: StorageNodeCalls, sha256: Digest, offset: int, length: int, size: int) -> bytes:
    piece = await node.read(sha256, offset, length)
    if not piece:
        raise ServiceUnavailable(f"the storage node stopped at byte {offset} of {size} of {sha256}.")
    return piece

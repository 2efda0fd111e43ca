"""FileStore on storage nodes: writes go to every node, reads come from any node and are verified here."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from sealgrid.errors import ContentDiffers, InputRefused, SealgridError
from sealgrid.storage.file_store import NO_LIMIT, PIECE_BYTES, VerifyingReader
from sealgrid.storage.node_calls import FileReads, StorageNodeCalls
from sealgrid.storage.node_health import NodeHealth
from sealgrid.storage.node_reads import NO_ANSWER, NodeReads, most_telling
from sealgrid.storage.node_uploads import NodeUploads
from sealgrid.units import Digest, to_digest

T = TypeVar("T")
PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  #: seconds before an interrupted upload goes on


class RemoteFiles(VerifyingReader):
    """Files at the storage nodes of a network.

    Of several nodes one may fail: a file is then stored at the others and read from them. An upload whose connection
    breaks goes on where it stopped; after ``pauses``, in seconds, it fails. ``mirrors`` are read where no node has
    a file. ``health`` remembers which of them failed.
    """

    def __init__(
        self,
        *nodes: StorageNodeCalls,
        pauses: Sequence[float] = PAUSES,
        mirrors: Iterable[FileReads] = (),
        health: NodeHealth | None = None,
    ) -> None:
        self._nodes, self._pauses, self.health = nodes, pauses, health or NodeHealth()
        self._mirrors = tuple(mirrors)

    def through(self, *nodes: StorageNodeCalls) -> "RemoteFiles":
        """Return the same files through other clients of the nodes, such as those with another account's tickets."""
        return RemoteFiles(*nodes, pauses=self._pauses, mirrors=self._mirrors, health=self.health)

    async def put_file(self, path: Path, on_progress: Callable[[int], None] = lambda sent: None) -> Digest:
        """Send a file in pieces; raise ContentDiffers if a single node stored other content.

        ``on_progress`` is called with the number of bytes sent so far.
        """
        uploads = NodeUploads(self._nodes, self.health, self._pauses)
        with path.open("rb") as file:
            running, sent = hashlib.sha256(), 0
            await uploads.begin(path.stat().st_size)
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                running.update(piece)
                await uploads.append(piece, sent)
                sent += len(piece)
                on_progress(sent)
        digest = to_digest(running.digest())
        await uploads.finish(digest)
        return digest

    async def put_bytes(self, content: bytes) -> Digest:
        """Send a file that fits in memory."""
        uploads = NodeUploads(self._nodes, self.health, self._pauses)
        await uploads.begin(len(content))
        for start in range(0, len(content), PIECE_BYTES):
            await uploads.append(content[start : start + PIECE_BYTES], start)
        digest = to_digest(hashlib.sha256(content).digest())
        await uploads.finish(digest)
        return digest

    async def size(self, sha256: Digest) -> int:
        """Return the size that a node reports, unverified; raise NotFound."""
        return await self._reads().head_size(sha256)

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return at most ``length`` bytes of a file, unverified; the caller must verify them."""
        return await self._reads().ask(lambda node: node.read(sha256, offset, length))

    async def read_by_cid(self, cid: str) -> bytes:
        """Return a small file by its CID, unverified; raise NotFound."""
        return await self._reads().ask(lambda node: node.read_by_cid(cid))

    async def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        """Yield the file, unverified; raise NotFound, or ServiceUnavailable if every node stops early."""
        async for piece in self._reads().pieces(sha256):
            yield piece

    async def get_file(self, sha256: Digest, path: Path, limit: int = NO_LIMIT) -> int:
        """Write the file to ``path``, from nodes whose copy verifies."""
        return await self.try_copies(lambda copy: copy.get_file(sha256, path, limit))

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Return a verified file of at most ``limit`` bytes, from nodes whose copy verifies."""
        return await self.try_copies(lambda copy: copy.get_bytes(sha256, limit))

    async def try_copies(self, read: Callable[[VerifyingReader], Awaitable[T]]) -> T:
        """Return what ``read`` makes of the first copy that verifies; a node that gave other bytes is avoided.

        The first reading may take parts from several nodes. If it fails, each node is read alone: this shows which one
        gave other bytes.
        """
        reads = self._reads()
        try:
            return await self._read_copy(reads, read)
        except (ContentDiffers, InputRefused, *NO_ANSWER) as error:
            errors: list[SealgridError] = [error]
        if not reads.suppliers:
            raise errors[0]
        for node in self._in_order():
            if reads.suppliers != [node]:
                try:
                    return await self._read_copy(NodeReads([node], self.health), read)
                except (ContentDiffers, InputRefused, *NO_ANSWER) as error:
                    errors.append(error)
        raise most_telling(errors)

    async def _read_copy(self, reads: NodeReads, read: Callable[[VerifyingReader], Awaitable[T]]) -> T:
        try:
            return await read(reads)
        except ContentDiffers as error:
            if len(reads.suppliers) == 1:
                self.health.record_other_bytes(reads.suppliers[0].url, error)
            raise

    def _reads(self) -> NodeReads:
        return NodeReads(self._in_order(), self.health)

    def _in_order(self) -> list[FileReads]:
        return sorted((*self._nodes, *self._mirrors), key=lambda node: self.health.is_avoided(node.url))

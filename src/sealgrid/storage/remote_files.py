"""FileStore on storage nodes: writes go to every node, reads come from any node and are verified here."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from sealgrid.crypto.unixfs import content_addresses
from sealgrid.errors import ContentDiffers, FileTooLarge, SealgridError
from sealgrid.storage.file_store import NO_LIMIT, PIECE_BYTES, VerifyingReader
from sealgrid.storage.node_calls import FileReads, StorageNodeCalls
from sealgrid.storage.node_health import NodeHealth
from sealgrid.storage.node_reads import REQUEST_SECONDS, FileStatements, NodeReads, most_telling
from sealgrid.storage.node_uploads import NodeUploads
from sealgrid.units import Digest, to_digest

T = TypeVar("T")
PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  #: seconds before an interrupted upload goes on


class RemoteFiles(VerifyingReader):
    """Files at the storage nodes of a network.

    Of several nodes one may fail: a file is then stored at the others and read from them. An upload whose connection
    breaks goes on where it stopped; after ``pauses``, in seconds, it fails. ``mirrors`` are read where no node gives
    a file. ``health`` remembers which of them failed. A request for a piece may take ``request_seconds``.
    """

    def __init__(
        self,
        *nodes: StorageNodeCalls,
        pauses: Sequence[float] = PAUSES,
        mirrors: Iterable[FileReads] = (),
        health: NodeHealth | None = None,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._nodes, self._pauses, self.health = nodes, pauses, health or NodeHealth()
        self._mirrors, self._request_seconds = tuple(mirrors), request_seconds

    def through(self, *nodes: StorageNodeCalls) -> "RemoteFiles":
        """Return the same files through other clients of the nodes, such as those with another account's tickets."""
        return RemoteFiles(
            *nodes,
            pauses=self._pauses,
            mirrors=self._mirrors,
            health=self.health,
            request_seconds=self._request_seconds,
        )

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

    async def read_by_cid(self, cid: str, limit: int) -> bytes:
        """Return a file by its CID, verified; raise NotFound, or FileTooLarge above ``limit`` bytes."""

        async def read_at(node: FileReads) -> bytes:
            content = await node.read_by_cid(cid, limit)
            if len(content) > limit:
                raise FileTooLarge(f"the file {cid} is larger than the limit of {limit} bytes.")
            if cid not in content_addresses(content):
                differs = ContentDiffers(f"it gave other content than {cid} names.")
                self.health.record_other_bytes(node.url, differs)
                raise differs
            return content

        return await self._reads().ask(read_at)

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
        """Return what ``read`` makes of the first copy that verifies; a node that said something false is avoided.

        The first reading may take parts from several nodes. If it fails, each node is read alone: this shows which one
        gave other bytes.
        """
        return await self._try(self._in_order(), FileStatements(self.health), read)

    async def try_smallest_copies(self, sha256: Digest, read: Callable[[VerifyingReader], Awaitable[T]]) -> T:
        """Like ``try_copies``, in the order of the sizes that the nodes report.

        A size that a liar invents then fills no disk: if it is larger than the real one, the real copy is read first.
        """
        statements = FileStatements(self.health)
        for stores in (self._nodes, self._mirrors):
            asked = [store for store in stores if not self.health.is_avoided(store.url)]
            await asyncio.gather(*(self._ask_size(store, sha256, statements) for store in asked))
            if statements.sizes:
                break
        order = sorted(self._in_order(), key=lambda store: statements.sizes.get(store, NO_LIMIT))
        return await self._try(order, statements, read)

    async def _ask_size(self, store: FileReads, sha256: Digest, statements: FileStatements) -> None:
        with suppress(SealgridError):
            await self._reads([store], statements).head_size(sha256)

    async def _try(
        self, order: list[FileReads], statements: FileStatements, read: Callable[[VerifyingReader], Awaitable[T]]
    ) -> T:
        errors: list[SealgridError] = []
        for copy in self._copies(order, statements):
            try:
                return await read(copy)
            except SealgridError as error:
                if error is not copy.failure:  # of the own disk, for example: another copy does not help
                    raise
                errors.append(error)
        raise most_telling(errors)

    def _copies(self, order: list[FileReads], statements: FileStatements) -> Iterator[NodeReads]:
        first = self._reads(order, statements)
        yield first
        if first.suppliers:
            for node in order:
                if first.suppliers != [node]:
                    yield self._reads([node], statements)

    def _reads(self, nodes: list[FileReads] | None = None, statements: FileStatements | None = None) -> NodeReads:
        order = self._in_order() if nodes is None else nodes
        return NodeReads(order, self.health, statements, seconds=self._request_seconds)

    def _in_order(self) -> list[FileReads]:
        stores: tuple[Sequence[FileReads], ...] = (self._nodes, self._mirrors)
        return [store for group in stores for store in sorted(group, key=lambda each: self.health.is_avoided(each.url))]

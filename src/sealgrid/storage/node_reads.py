"""One reading of a file from several storage nodes, and the statements of each node about the file."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeVar

from sealgrid.errors import (
    ContentDiffers,
    FileTooLarge,
    NotFound,
    SealgridError,
    ServiceUnavailable,
    TooManyRequests,
)
from sealgrid.storage.file_store import PIECE_BYTES, VerifyingReader, too_large
from sealgrid.storage.node_calls import FileReads
from sealgrid.storage.node_health import NodeHealth
from sealgrid.units import Digest, to_digest

T = TypeVar("T")
REQUEST_SECONDS: Final = 20.0  #: for one request of at most PIECE_BYTES, after which another node is asked
#: Answers, which are recorded elsewhere if they are false.
_NO_SILENCE: Final = (NotFound, ContentDiffers, FileTooLarge)


class FileStatements:
    """Sizes and pieces of one file that nodes gave, until a copy that verifies shows which of them were false.

    A piece is kept as its ``hash()``, whose key no node knows (PEP 456): a few bytes for each MiB.
    """

    def __init__(self, health: NodeHealth) -> None:
        self._health = health
        self.sizes: dict[FileReads, int] = {}  #: bytes, as nodes reported them
        self._pieces: dict[FileReads, set[tuple[int, int]]] = {}  # offsets and hashes
        self._recorded: set[FileReads] = set()

    def add_piece(self, node: FileReads, offset: int, piece: bytes) -> None:
        """Remember a piece that a node gave."""
        self._pieces.setdefault(node, set()).add((offset, hash(piece)))

    def compare(self, sha256: Digest, size: int, pieces: Mapping[int, int]) -> None:
        """Record each node that said another size or gave another piece than the copy that verified."""
        for node in self.sizes.keys() | self._pieces.keys():
            given = self._pieces.get(node, set())
            if self.sizes.get(node, size) != size or any(pieces.get(offset) != piece for offset, piece in given):
                self.record_false(node, ContentDiffers(f"it gave another size or other bytes of {sha256}."))

    def record_false(self, node: FileReads, error: ContentDiffers) -> None:
        """Record once that a node said something false about the file."""
        if node not in self._recorded:
            self._recorded.add(node)
            self._health.record_other_bytes(node.url, error)


class NodeReads(VerifyingReader):
    """Reads from the first node; where that one stops answering, the next one of the same size goes on at that byte.

    ``seconds`` bounds each request. ``failure`` is the last error that the nodes caused: an error of the caller's own
    disk is another one.
    """

    def __init__(
        self,
        nodes: Iterable[FileReads],
        health: NodeHealth,
        statements: FileStatements | None = None,
        *,
        seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._nodes, self._health, self._seconds = list(nodes), health, seconds
        self._statements = statements or FileStatements(health)
        self._errors: list[SealgridError] = []
        self._read: dict[int, int] = {}  # offsets and hashes of the pieces of this reading
        self.suppliers: list[FileReads] = []  #: that gave a size or bytes
        self.failure: SealgridError | None = None

    async def head_size(self, sha256: Digest) -> int:
        """Return the size that a node reports, unverified; raise NotFound."""
        return await self.ask(lambda node: self._size_at(node, sha256))

    async def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        """Yield the file, unverified; raise NotFound, or ServiceUnavailable if every node stops early."""
        size, offset = await self.head_size(sha256), 0
        while offset < size:
            piece = await self.ask(lambda node: self._piece_at(node, sha256, offset, size))  # noqa: B023  used at once
            self._read[offset] = hash(piece)
            offset += len(piece)
            yield piece

    async def verified_pieces(self, sha256: Digest, limit: int) -> AsyncIterator[bytes]:
        """Yield the pieces as VerifyingReader does; a verified copy shows which node said something false."""
        try:
            size = await self.head_size(sha256)
            if size > limit:
                raise too_large(sha256, limit)
            async for piece in super().verified_pieces(sha256, limit):
                yield piece
        except SealgridError as error:
            self.failure = error
            if isinstance(error, ContentDiffers) and len(self.suppliers) == 1:
                self._statements.record_false(self.suppliers[0], error)
            raise
        self._statements.compare(sha256, size, self._read)

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Return a verified file of at most ``limit`` bytes.

        A file of less than one piece takes one request: the digest shows that it is whole.
        """
        piece = await self.ask(lambda node: self._start_at(node, sha256))
        if len(piece) <= limit and to_digest(hashlib.sha256(piece).digest()) == sha256:
            self._statements.compare(sha256, len(piece), {0: hash(piece)})
            return piece
        return await super().get_bytes(sha256, limit)

    async def ask(self, request: Callable[[FileReads], Awaitable[T]]) -> T:
        """Return the answer of the first node that has one; nodes without one are not asked again."""
        while self._nodes:
            node = self._nodes[0]
            try:
                async with asyncio.timeout(self._seconds):
                    answer = await request(node)
            except TimeoutError:
                self._leave_out(node, ServiceUnavailable(f"{node.url} took more than {self._seconds:g} seconds."))
            except SealgridError as error:
                self._leave_out(node, error)
            else:
                if node not in self.suppliers:
                    self.suppliers.append(node)
                return answer
        self.failure = most_telling(self._errors)
        raise self.failure

    def _leave_out(self, node: FileReads, error: SealgridError) -> None:
        if not isinstance(error, _NO_SILENCE) or (isinstance(error, NotFound) and node in self.suppliers):
            self._health.record_silence(node.url)
        if not isinstance(error, (*_NO_SILENCE, ServiceUnavailable, TooManyRequests)):
            error = ServiceUnavailable(f"the storage node {node.url} refuses to be read: {error.reason}")
        self._errors.append(error)
        self._nodes.remove(node)

    async def _size_at(self, node: FileReads, sha256: Digest) -> int:
        if node not in self._statements.sizes:
            self._statements.sizes[node] = (await node.head(sha256)).size
        return self._statements.sizes[node]

    async def _piece_at(self, node: FileReads, sha256: Digest, offset: int, size: int) -> bytes:
        if await self._size_at(node, sha256) != size:  # it cannot go on with this copy; one of the sizes is false
            raise NotFound(f"the storage node {node.url} has no file {sha256} of {size} bytes.")
        length = min(PIECE_BYTES, size - offset)
        piece = await node.read(sha256, offset, length)
        if len(piece) < length:
            stop = offset + len(piece)
            raise ServiceUnavailable(f"the storage node {node.url} stopped at byte {stop} of {size} of {sha256}.")
        self._statements.add_piece(node, offset, piece)
        return piece

    async def _start_at(self, node: FileReads, sha256: Digest) -> bytes:
        piece = await node.read(sha256, 0, PIECE_BYTES)
        self._statements.add_piece(node, 0, piece)
        return piece


def most_telling(errors: list[SealgridError]) -> SealgridError:
    """Return the first error but NotFound, else the first: a node that lacks a file says nothing about others."""
    return next((error for error in errors if not isinstance(error, NotFound)), errors[0])

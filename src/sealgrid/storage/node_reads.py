"""One reading of a file from several storage nodes, which knows which of them supplied it."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Final, TypeVar

from sealgrid.errors import NotFound, SealgridError, ServiceUnavailable, TooManyRequests
from sealgrid.storage.file_store import PIECE_BYTES, VerifyingReader
from sealgrid.storage.node_calls import FileReads
from sealgrid.storage.node_health import NodeHealth
from sealgrid.units import Digest, to_digest

T = TypeVar("T")
NO_ANSWER: Final = (NotFound, ServiceUnavailable, TooManyRequests)  #: errors after which another node is asked


class NodeReads(VerifyingReader):
    """Reads from the first node; where that one stops answering, the next one goes on at the same byte."""

    def __init__(self, nodes: Iterable[FileReads], health: NodeHealth) -> None:
        self._nodes, self._health = list(nodes), health
        self._errors: list[SealgridError] = []
        self.suppliers: list[FileReads] = []  #: that gave a size or bytes

    async def head_size(self, sha256: Digest) -> int:
        """Return the size that a node reports, unverified; raise NotFound."""
        return (await self.ask(lambda node: node.head(sha256))).size

    async def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        """Yield the file, unverified; raise NotFound, or ServiceUnavailable if every node stops early."""
        size, offset = await self.head_size(sha256), 0
        while offset < size:
            length = min(PIECE_BYTES, size - offset)
            piece = await self.ask(lambda node: _read_piece(node, sha256, offset, length, size))  # noqa: B023  used at once
            offset += len(piece)
            yield piece

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Return a verified file of at most ``limit`` bytes.

        A file of less than one piece takes one request: the digest shows that it is whole.
        """
        piece = await self.ask(lambda node: node.read(sha256, 0, PIECE_BYTES))
        if len(piece) <= limit and to_digest(hashlib.sha256(piece).digest()) == sha256:
            return piece
        return await super().get_bytes(sha256, limit)

    async def ask(self, request: Callable[[FileReads], Awaitable[T]]) -> T:
        """Return the answer of the first node that has one; nodes without one are not asked again."""
        while self._nodes:
            node = self._nodes[0]
            try:
                answer = await request(node)
            except NO_ANSWER as error:
                if not isinstance(error, NotFound):
                    self._health.record_silence(node.url)
                self._errors.append(error)
                self._nodes.remove(node)
            else:
                if node not in self.suppliers:
                    self.suppliers.append(node)
                return answer
        raise most_telling(self._errors)


def most_telling(errors: list[SealgridError]) -> SealgridError:
    """Return the first error but NotFound, else the first: a node that lacks a file says nothing about others."""
    return next((error for error in errors if not isinstance(error, NotFound)), errors[0])


async def _read_piece(node: FileReads, sha256: Digest, offset: int, length: int, size: int) -> bytes:
    piece = await node.read(sha256, offset, length)
    if not piece:
        raise ServiceUnavailable(f"the storage node {node.url} stopped at byte {offset} of {size} of {sha256}.")
    return piece

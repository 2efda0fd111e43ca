"""Files addressed by the SHA-256 of their content: readers verify the digest, so stores need no trust."""

import asyncio
import hashlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

from sealgrid.errors import ContentDiffers, InputRefused
from sealgrid.storage.atomic_file import atomic_writer, disk_errors
from sealgrid.units import Digest, to_digest

PIECE_BYTES = 1 << 20  #: size of one transferred piece; files are never held whole in memory
NO_LIMIT = 1 << 62
T = TypeVar("T")


class FileStore(Protocol):
    """A path for files. Reads raise NotFound, InputRefused beyond ``limit`` bytes, or ContentDiffers."""

    async def put_file(self, path: Path) -> Digest:
        """Store a file of any size; return its digest."""

    async def put_bytes(self, content: bytes) -> Digest:
        """Store a file that fits in memory; return its digest."""

    async def size(self, sha256: Digest) -> int:
        """Return the size that the store reports, unverified."""

    def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        """Yield the file's content, unverified."""

    async def get_file(self, sha256: Digest, path: Path, limit: int = NO_LIMIT) -> int:
        """Write the file to ``path``, which appears after verification; return the size in bytes."""

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Return a verified file of at most ``limit`` bytes."""


class VerifyingReader(ABC):
    """Implements the reads of a FileStore: verifies the pieces that ``pieces`` yields."""

    @abstractmethod
    def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        """Yield the file's content, unverified."""

    async def get_file(self, sha256: Digest, path: Path, limit: int = NO_LIMIT) -> int:
        """Write the file to ``path``, which appears after verification; return the size in bytes."""
        with disk_errors(), atomic_writer(path, mode=0o666, durable=False) as file:
            async for piece in self.verified_pieces(sha256, limit):
                await asyncio.to_thread(file.write, piece)
            return file.tell()

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Return a verified file of at most ``limit`` bytes."""
        return b"".join([piece async for piece in self.verified_pieces(sha256, limit)])

    async def try_copies(self, read: Callable[["VerifyingReader"], Awaitable[T]]) -> T:
        """Return what ``read`` makes of a copy of a file; it is called for each copy, until one verifies.

        This store has one copy.
        """
        return await read(self)

    async def try_smallest_copies(
        self,
        sha256: Digest,  # noqa: ARG002  for stores of several copies
        read: Callable[["VerifyingReader"], Awaitable[T]],
    ) -> T:
        """Like ``try_copies``, in the order of the sizes that a store's copies claim to have."""
        return await self.try_copies(read)

    async def verify(self, sha256: Digest, limit: int) -> None:
        """Read a whole file; raise as ``verified_pieces`` does."""
        async for _ in self.verified_pieces(sha256, limit):
            pass  # each piece is hashed and dropped

    async def verified_pieces(self, sha256: Digest, limit: int) -> AsyncIterator[bytes]:
        """Yield the pieces; raise ContentDiffers at the end. The caller must not use them before the end."""
        running, size = hashlib.sha256(), 0
        async for piece in self.pieces(sha256):
            size += len(piece)
            if size > limit:
                raise too_large(sha256, limit)
            running.update(piece)
            yield piece
        if to_digest(running.digest()) != sha256:
            raise ContentDiffers(f"the store gave other content than {sha256} names; ask another store.")


def too_large(sha256: Digest, limit: int) -> InputRefused:
    """Return the error of a file of more than ``limit`` bytes."""
    return InputRefused(f"the file {sha256} is larger than the limit of {limit} bytes.")

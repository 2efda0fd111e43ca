"""How every store is read: nothing that a store answers is used before its digest is checked."""

import asyncio
import hashlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path

from sealgrid.errors import ContentDiffers, InputRefused
from sealgrid.storage.content_folder import disk_errors
from sealgrid.storage.file_store import NO_LIMIT
from sealgrid.units import Digest, to_digest


class VerifyingReader(ABC):
    """The reading half of a FileStore, on top of its unverified pieces."""

    @abstractmethod
    def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        """Yield the file's content, unverified."""

    async def get_file(self, sha256: Digest, path: Path, limit: int = NO_LIMIT) -> int:
        """Write the file to ``path``, which appears only once its content is verified; return its bytes."""
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            with disk_errors(), part.open("xb") as file:
                async for piece in self.verified(sha256, limit):
                    await asyncio.to_thread(file.write, piece)
                size = file.tell()
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return size

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Return a verified file of at most ``limit`` bytes."""
        return b"".join([piece async for piece in self.verified(sha256, limit)])

    async def verified(self, sha256: Digest, limit: int) -> AsyncIterator[bytes]:
        """Yield the pieces; raise at the end when they are not the file: keep nothing of them before that."""
        running, size = hashlib.sha256(), 0
        async for piece in self.pieces(sha256):
            size += len(piece)
            if size > limit:
                raise InputRefused(f"the file {sha256} is larger than the {limit} bytes that are taken here.")
            running.update(piece)
            yield piece
        if to_digest(running.digest()) != sha256:
            raise ContentDiffers(f"the store gave other content than {sha256} names; ask another store.")

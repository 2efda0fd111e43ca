"""Files by the SHA-256 of their content: whoever reads verifies, so whoever stores need not be trusted."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from sealgrid.units import Digest

PIECE_BYTES = 1 << 20  #: files move in pieces of this size, so no part ever holds a whole one
NO_LIMIT = 1 << 62


class FileStore(Protocol):
    """A place for files. Reads raise NotFound, InputRefused beyond ``limit`` bytes, or ContentDiffers."""

    async def put_file(self, path: Path) -> Digest:
        """Store a file of any size; return its digest."""

    async def put_bytes(self, content: bytes) -> Digest:
        """Store a file that fits in memory; return its digest."""

    async def size(self, sha256: Digest) -> int:
        """Return what the store says of a file's bytes: a hint."""

    def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        """Yield the file's content, unverified."""

    async def get_file(self, sha256: Digest, path: Path, limit: int = NO_LIMIT) -> int:
        """Write the file to ``path``, which appears only once its content is verified; return its bytes."""

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Return a verified file of at most ``limit`` bytes."""

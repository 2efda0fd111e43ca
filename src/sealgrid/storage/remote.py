"""A storage node as a FileStore: its answers are hints until their digest is checked here."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

from sealgrid.errors import ContentDiffers, ServiceUnavailable
from sealgrid.storage.base import PIECE_BYTES
from sealgrid.storage.reading import VerifyingReader
from sealgrid.units import Digest, to_digest


class Held(Protocol):
    """What a storage node says of a file (``sealgrid.wire.storage.Stored``)."""

    @property
    def sha256(self) -> Digest:
        """The digest under which it is found."""

    @property
    def size(self) -> int:
        """Its bytes."""


class Node(Protocol):
    """The calls of a storage node (``sealgrid.wire.storage.StorageClient``): siblings do not import each other."""

    async def begin(self) -> str:
        """Start an upload."""

    async def append(self, upload: str, piece: bytes) -> None:
        """Add a piece."""

    async def finish(self, upload: str) -> Held:
        """End an upload."""

    async def head(self, sha256: Digest) -> Held:
        """Return a file's size."""

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return one piece."""


class RemoteFiles(VerifyingReader):
    """Files at a storage node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def put_file(self, path: Path, told: Callable[[int], None] = lambda sent: None) -> Digest:
        """Send a file in pieces; raise ContentDiffers when the node stored something else.

        ``told`` hears how many bytes were sent so far.
        """
        with path.open("rb") as file:
            running, sent, upload = hashlib.sha256(), 0, await self._node.begin()
            while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
                running.update(piece)
                await self._node.append(upload, piece)
                sent += len(piece)
                told(sent)
        return await self._finish(upload, to_digest(running.digest()))

    async def put_bytes(self, content: bytes) -> Digest:
        """Send a file that fits in memory."""
        upload = await self._node.begin()
        for start in range(0, len(content), PIECE_BYTES):
            await self._node.append(upload, content[start : start + PIECE_BYTES])
        return await self._finish(upload, to_digest(hashlib.sha256(content).digest()))

    async def size(self, sha256: Digest) -> int:
        """Return what the node says of a file's bytes: a hint; raise NotFound."""
        return (await self._node.head(sha256)).size

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return at most ``length`` bytes of a file, unverified: for content that the caller checks by itself."""
        return await self._node.read(sha256, offset, length)

    async def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        """Yield the file as the node tells it; raise NotFound, ServiceUnavailable when it stops early."""
        size, offset = await self.size(sha256), 0
        while offset < size:
            piece = await self._node.read(sha256, offset, min(PIECE_BYTES, size - offset))
            if not piece:
                raise ServiceUnavailable(f"the storage node stopped at byte {offset} of {size} of {sha256}.")
            offset += len(piece)
            yield piece

    async def _finish(self, upload: str, sent: Digest) -> Digest:
        stored = (await self._node.finish(upload)).sha256
        if stored != sent:
            raise ContentDiffers(f"the storage node stored {stored} when {sent} was sent; use another node.")
        return stored

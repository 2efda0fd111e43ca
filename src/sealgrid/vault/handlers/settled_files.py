"""Fetches a settled result and its receipt: a Verdict states that both are available from every storage node."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from sealgrid.bundle.result_padding import padded_size
from sealgrid.errors import ContentDiffers, InputRefused, NotFound, ReleaseRefused
from sealgrid.units import Digest

RECEIPT_BYTES = 4 << 20  #: a receipt carries a quote and its collateral
ARCHIVE_BYTES = 12 << 20  #: overhead of an archive of at most 10,000 files over names and contents
SEALING_BYTES = 2 << 20  #: header, metadata and one AEAD tag per chunk


class VerifiedReads(Protocol):
    """A file store that verifies digests on reading (``sealgrid.storage.file_store``)."""

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Return a verified file of at most ``limit`` bytes."""

    def verified_pieces(self, sha256: Digest, limit: int) -> AsyncIterator[bytes]:
        """Yield a file's pieces; raise at the end if their digest differs."""


class AllStorageNodes:
    """The storage nodes of a network as one store, which has a file only if every node has it."""

    def __init__(self, nodes: Sequence[VerifiedReads]) -> None:
        self._nodes = nodes

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Fetch a file from every node; return it verified."""
        return (await asyncio.gather(*(node.get_bytes(sha256, limit) for node in self._nodes)))[0]

    async def verified_pieces(self, sha256: Digest, limit: int) -> AsyncIterator[bytes]:
        """Fetch a file from every other node, then yield its pieces from the last one."""
        for node in self._nodes[:-1]:
            await _verify(node, sha256, limit)
        async for piece in self._nodes[-1].verified_pieces(sha256, limit):
            yield piece


def sealed_limit(output_bytes: int) -> int:
    """Return the maximum size of a sealed result: names and contents, plus archive, padding and sealing overhead."""
    return padded_size(output_bytes + ARCHIVE_BYTES) + SEALING_BYTES


async def fetch_settled(files: VerifiedReads, sealed: Digest, receipt: Digest, *, output_bytes: int) -> bytes:
    """Fetch both files and return the receipt.

    Raises ReleaseRefused (settle.5) for a missing or different file, ServiceUnavailable if a retry may help.
    """
    try:
        content, _ = await asyncio.gather(
            files.get_bytes(receipt, RECEIPT_BYTES), _verify(files, sealed, sealed_limit(output_bytes))
        )
        return content
    except (NotFound, ContentDiffers, InputRefused) as error:
        raise ReleaseRefused(
            "settle.5", f"the result is not available from every storage node: {error.message}"
        ) from error


async def _verify(files: VerifiedReads, sha256: Digest, limit: int) -> None:
    async for _ in files.verified_pieces(sha256, limit):
        pass  # Each piece is hashed and dropped; a vault stores no ciphertext.

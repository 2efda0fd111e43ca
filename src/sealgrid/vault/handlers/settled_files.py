"""Fetch a settled result and its receipt: a Verdict says that both can be had, so the vault has had both."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from sealgrid.bundle.result_padding import padded_size
from sealgrid.errors import ContentDiffers, InputRefused, NotFound, ReleaseRefused
from sealgrid.units import Digest

RECEIPT_BYTES = 4 << 20  #: a receipt carries a quote and its collateral
ARCHIVE_BYTES = 12 << 20  #: what an archive of at most 10,000 named files adds to their names and contents
SEALING_BYTES = 2 << 20  #: header, metadata and one tag per chunk


class VerifiedReads(Protocol):
    """A store whose reads verify (``sealgrid.storage.file_store``)."""

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Return a verified file."""

    def verified_pieces(self, sha256: Digest, limit: int) -> AsyncIterator[bytes]:
        """Yield a file's pieces and raise at the end when they are not the file."""


class AllStorageNodes:
    """The storage nodes of a network as one store that has a file only where each of them has it."""

    def __init__(self, nodes: Sequence[VerifiedReads]) -> None:
        self._nodes = nodes

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Return a verified file after every node gave it."""
        return (await asyncio.gather(*(node.get_bytes(sha256, limit) for node in self._nodes)))[0]

    async def verified_pieces(self, sha256: Digest, limit: int) -> AsyncIterator[bytes]:
        """Yield the pieces of the file that the last node gives, after every other one gave it whole."""
        for node in self._nodes[:-1]:
            await _seen(node, sha256, limit)
        async for piece in self._nodes[-1].verified_pieces(sha256, limit):
            yield piece


def sealed_limit(output_bytes: int) -> int:
    """Return how large a sealed result may be: the cap on names and contents, and what packing and padding add."""
    return padded_size(output_bytes + ARCHIVE_BYTES) + SEALING_BYTES


async def fetch_settled(files: VerifiedReads, sealed: Digest, receipt: Digest, *, output_bytes: int) -> bytes:
    """Fetch both files and return the receipt; raise ReleaseRefused (settle.5), ServiceUnavailable to try again."""
    try:
        content, _ = await asyncio.gather(
            files.get_bytes(receipt, RECEIPT_BYTES), _seen(files, sealed, sealed_limit(output_bytes))
        )
        return content
    except (NotFound, ContentDiffers, InputRefused) as error:
        raise ReleaseRefused("settle.5", f"the result is not where everyone can get it: {error.message}") from error


async def _seen(files: VerifiedReads, sha256: Digest, limit: int) -> None:
    async for _ in files.verified_pieces(sha256, limit):
        pass  # Each piece is hashed and forgotten; a vault has no use for ciphertext.

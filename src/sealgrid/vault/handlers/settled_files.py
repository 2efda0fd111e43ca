"""Fetches a settled result and its receipt: a Verdict states that both are available from the storage nodes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, TypeVar

from sealgrid.bundle.result_padding import padded_size
from sealgrid.errors import ContentDiffers, InputRefused, NotFound, ReleaseRefused, ServiceUnavailable, TooManyRequests
from sealgrid.units import Digest

T = TypeVar("T")

RECEIPT_BYTES = 4 << 20  #: a receipt carries a quote and its collateral
ARCHIVE_BYTES = 12 << 20  #: overhead of an archive of at most 10,000 files over names and contents
SEALING_BYTES = 2 << 20  #: header, metadata and one AEAD tag per chunk
LACK: Final = (NotFound, ContentDiffers, InputRefused)  #: errors of a node that has no valid copy
SILENCE: Final = (ServiceUnavailable, TooManyRequests)  #: errors after which a retry may help
_NODES_OF_WHICH_ONE_MAY_LACK: Final = 3  #: two others then have the result, so no single one can withhold it


class VerifiedReads(Protocol):
    """A file store that verifies digests on reading (``sealgrid.storage.file_store``)."""

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Return a verified file of at most ``limit`` bytes."""

    async def verify(self, sha256: Digest, limit: int) -> None:
        """Read a whole file; raise if its digest differs."""


class AllStorageNodes:
    """The storage nodes of a network, by URL, as one store, which has a file only if nearly all nodes have it.

    Of three or more nodes, one may fail for any reason. Of two, one may be silent; one that answers, but lacks the file
    or has other bytes, refuses it: a worker could otherwise store a result only at a node that will withhold it.
    """

    def __init__(self, nodes: Mapping[str, VerifiedReads]) -> None:
        self._nodes = nodes

    async def get_bytes(self, sha256: Digest, limit: int) -> bytes:
        """Fetch a file from the nodes; return it verified."""
        return (await self._from_each(lambda node: node.get_bytes(sha256, limit)))[0]

    async def verify(self, sha256: Digest, limit: int) -> None:
        """Read a whole file from the nodes."""
        await self._from_each(lambda node: node.verify(sha256, limit))

    async def _from_each(self, read: Callable[[VerifiedReads], Awaitable[T]]) -> list[T]:
        """Return what the nodes give.

        Raises NotFound, which names a node without a valid copy, or the error of a silent node.
        """
        results = await asyncio.gather(*map(read, self._nodes.values()), return_exceptions=True)
        errors = {
            url: result for url, result in zip(self._nodes, results, strict=True) if isinstance(result, BaseException)
        }
        may_lack = len(self._nodes) >= _NODES_OF_WHICH_ONE_MAY_LACK
        if len(errors) == 1 < len(self._nodes) and (may_lack or isinstance(next(iter(errors.values())), SILENCE)):
            errors = {}
        for url, error in errors.items():
            if isinstance(error, LACK):
                raise NotFound(f"{error.message} The storage node is {url}.") from error
        for error in errors.values():
            raise error
        return [result for result in results if not isinstance(result, BaseException)]


def sealed_limit(output_bytes: int) -> int:
    """Return the maximum size of a sealed result: names and contents, plus archive, padding and sealing overhead."""
    return padded_size(output_bytes + ARCHIVE_BYTES) + SEALING_BYTES


async def fetch_settled(files: VerifiedReads, sealed: Digest, receipt: Digest, *, output_bytes: int) -> bytes:
    """Fetch both files and return the receipt.

    Raises ReleaseRefused (settle.5) for a missing or different file, ServiceUnavailable if a retry may help.
    """
    try:
        content, _ = await asyncio.gather(
            files.get_bytes(receipt, RECEIPT_BYTES), files.verify(sealed, sealed_limit(output_bytes))
        )
        return content
    except LACK as error:
        raise ReleaseRefused(
            "settle.5", f"the result is not available from every storage node: {error.message}"
        ) from error

"""One file on its way to several storage nodes, of which one may fail."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sealgrid.errors import ContentDiffers, NotFound, SealgridError, ServiceUnavailable, StoreFull
from sealgrid.storage.node_calls import StorageNodeCalls, StoredFile
from sealgrid.storage.node_health import NodeHealth
from sealgrid.units import Digest

T = TypeVar("T")
_FEW_PAUSES: Final = 4  #: pauses for a node that does not answer while another one stores the file

_log = logging.getLogger("sealgrid.storage")


@dataclass(frozen=True, slots=True)
class _NodeUpload:
    node: StorageNodeCalls
    name: str


class NodeUploads:
    """Uploads of one file to each of several nodes.

    The first node that fails is left out, with a warning; a second failure, or that of a single node, is raised. An
    upload whose connection breaks goes on where it stopped; after ``pauses``, in seconds, it fails.
    """

    def __init__(self, nodes: Sequence[StorageNodeCalls], health: NodeHealth, pauses: Sequence[float]) -> None:
        self._nodes, self._health = nodes, health
        self._pauses = pauses if len(nodes) == 1 else pauses[:_FEW_PAUSES]
        self._open: list[_NodeUpload] = []
        self._may_fail = len(nodes) > 1

    async def begin(self, size: int) -> None:
        """Start the uploads of a file of at most ``size`` bytes."""

        async def begin_at(node: StorageNodeCalls) -> _NodeUpload:
            return _NodeUpload(node, await node.begin(size))

        self._keep(self._nodes, await asyncio.gather(*map(begin_at, self._nodes), return_exceptions=True))

    async def append(self, piece: bytes, offset: int) -> None:
        """Append a piece at each node."""

        async def append_at(upload: _NodeUpload) -> None:
            await self._resumed(lambda: upload.node.append(upload.name, piece, offset))

        await self._at_each(append_at)

    async def finish(self, sent: Digest) -> None:
        """End the uploads; a node that stored something else than what was sent fails with ContentDiffers."""

        async def finish_at(upload: _NodeUpload) -> None:
            stored = await self._finish_at(upload, sent)
            if stored.sha256 != sent:
                differs = ContentDiffers(f"it stored {stored.sha256} although {sent} was sent; use another node.")
                self._health.record_other_bytes(upload.node.url, differs)
                raise differs

        await self._at_each(finish_at)

    async def _finish_at(self, upload: _NodeUpload, sent: Digest) -> StoredFile:
        try:
            return await self._resumed(lambda: upload.node.finish(upload.name))
        except ServiceUnavailable as error:
            try:
                return await self._resumed(lambda: upload.node.head(sent))  # it is stored, and the answer was lost
            except SealgridError:
                raise error from None

    async def _at_each(self, step: Callable[[_NodeUpload], Awaitable[None]]) -> None:
        async def at_one(upload: _NodeUpload) -> _NodeUpload:
            await step(upload)
            return upload

        nodes = [upload.node for upload in self._open]
        self._keep(nodes, await asyncio.gather(*map(at_one, self._open), return_exceptions=True))

    def _keep(self, nodes: Sequence[StorageNodeCalls], results: Sequence[_NodeUpload | BaseException]) -> None:
        """Go on with the uploads that did not fail; raise an error that may not be left out."""
        self._open = []
        for node, result in zip(nodes, results, strict=True):
            if not isinstance(result, BaseException):
                self._open.append(result)
            elif isinstance(result, SealgridError) and self._may_fail:
                self._may_fail = False
                if isinstance(result, ServiceUnavailable) and not isinstance(result, StoreFull):
                    self._health.record_silence(node.url)
                _log.warning("the storage node %s stores no copy of a file, since %s", node.url, result.reason)
            else:
                raise result

    async def _resumed(self, request: Callable[[], Awaitable[T]]) -> T:
        """Repeat a request while the node does not answer; raise its first error if it forgot the upload meanwhile."""
        first: ServiceUnavailable | None = None
        for pause in (*self._pauses, None):
            try:
                return await request()
            except ServiceUnavailable as error:
                first = first or error
                if pause is None:
                    raise first from error
                await asyncio.sleep(pause)
            except NotFound as error:
                raise (first or error) from error
        raise AssertionError

"""Digests of contents, and storage nodes that lie."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sealgrid.errors import ServiceUnavailable
from sealgrid.units import Digest, to_digest


def digest(content: bytes) -> Digest:
    return to_digest(hashlib.sha256(content).digest())


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@dataclass
class StoredInfo:
    sha256: Digest
    size: int


class LyingNode:
    """A node that answers any digest with its own content and says any size."""

    def __init__(self, content: bytes, size: int | None = None, url: str = "http://liar.example") -> None:
        self.url = url
        self.content, self.size = content, len(content) if size is None else size
        self.largest = 0

    async def begin(self, size: int) -> str:
        return "u"

    async def append(self, upload: str, piece: bytes, offset: int) -> None:
        self.largest = max(self.largest, len(piece))

    async def finish(self, upload: str) -> StoredInfo:
        return StoredInfo(digest(self.content), self.size)

    async def head(self, sha256: Digest) -> StoredInfo:
        return StoredInfo(sha256, self.size)

    async def read_by_cid(self, cid: str, limit: int) -> bytes:
        return self.content

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        self.largest = max(self.largest, length)
        return self.content[offset : offset + length]


class DeadNode(LyingNode):
    """A node that answers nothing after a number of requests."""

    def __init__(self, content: bytes, answers: int = 0, url: str = "http://dead.example") -> None:
        super().__init__(content, url=url)
        self.answers, self.asked = answers, 0

    def _answer(self) -> None:
        self.asked += 1
        if self.asked > self.answers:
            raise ServiceUnavailable("it does not answer.")

    async def begin(self, size: int) -> str:
        self._answer()
        return await super().begin(size)

    async def append(self, upload: str, piece: bytes, offset: int) -> None:
        self._answer()
        await super().append(upload, piece, offset)

    async def head(self, sha256: Digest) -> StoredInfo:
        self._answer()
        return await super().head(sha256)

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        self._answer()
        return await super().read(sha256, offset, length)

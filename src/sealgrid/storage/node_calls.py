"""Interface of a storage node's client; rooms of one layer do not import each other."""

from dataclasses import dataclass
from typing import Protocol

from sealgrid.units import Digest


class StoredFile(Protocol):
    """Interface of ``sealgrid.wire.storage.StoredFileInfo``."""

    @property
    def sha256(self) -> Digest:
        """SHA-256 of the file."""

    @property
    def size(self) -> int:
        """Size in bytes."""


@dataclass(frozen=True, slots=True)
class MirroredFile:
    """A file as a mirror reports it, unverified."""

    sha256: Digest
    size: int  #: bytes


class FileReads(Protocol):
    """Where files are read: a storage node, or a mirror (``sealgrid.storage.mirrors``)."""

    @property
    def url(self) -> str:
        """URL, which names it in logs."""

    async def head(self, sha256: Digest) -> StoredFile:
        """Return the file's digest and size."""

    async def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return one piece."""

    async def read_by_cid(self, cid: str, limit: int) -> bytes:
        """Return a small file by its CID, unverified; more than ``limit`` bytes, or FileTooLarge, for a larger one."""


class StorageNodeCalls(FileReads, Protocol):
    """Interface of ``sealgrid.wire.storage.StorageClient``."""

    async def begin(self, size: int) -> str:
        """Start an upload of at most ``size`` bytes."""

    async def append(self, upload: str, piece: bytes, offset: int) -> None:
        """Append a piece at the offset that was reached; a repetition changes nothing."""

    async def finish(self, upload: str) -> StoredFile:
        """End an upload."""

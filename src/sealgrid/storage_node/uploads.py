"""Applies the decisions of ``StorageQuotas`` to unfinished uploads, stored files and records of holds."""

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from sealgrid.errors import CallRefused, InputRefused, NotFound, ServiceUnavailable
from sealgrid.storage.content_folder import ContentFolder, IncomingFile
from sealgrid.storage_node.admission import AdmittedUpload
from sealgrid.storage_node.hold_store import HoldStore
from sealgrid.storage_node.ipfs_names import IpfsNames
from sealgrid.storage_node.quota_types import DropUpload, Effect, RecordHold, RecordRemoval, RemoveFile
from sealgrid.storage_node.quotas import StorageQuotas
from sealgrid.units import Address, Digest
from sealgrid.wire.storage import PIECE_BYTES

NAME_BYTES = 4096  #: of disk, for the file that maps a CIDv0 to its SHA-256


@dataclass(slots=True)
class _UploadInProgress:
    incoming: IncomingFile
    account: Address | None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # serialises the pieces of one upload


class UploadStore:
    """Uploads into one folder; ``clock`` returns Unix seconds."""

    def __init__(
        self,
        folder: ContentFolder,
        quotas: StorageQuotas,
        records: HoldStore,
        names: IpfsNames,
        clock: Callable[[], float],
    ) -> None:
        self.folder, self.quotas, self._records, self.names, self._clock = folder, quotas, records, names, clock
        self._open: dict[str, _UploadInProgress] = {}
        self._removed = set(records.removed())  # at the request of their accounts

    def begin(self, admitted: AdmittedUpload) -> str:
        """Start an upload; return its name; raise QuotaReached or StoreFull."""
        name = secrets.token_hex(16)
        self.apply(self.quotas.begin(name, admitted.client, admitted.size, self._clock()))
        try:
            self._open[name] = _UploadInProgress(self.folder.begin(), admitted.account)
        except BaseException:
            self.drop(name)
            raise
        return name

    async def append(self, name: str, piece: bytes, offset: int | None = None) -> None:
        """Write a piece; if that fails, the whole upload is removed.

        With an ``offset`` the piece that was written last may be sent again, since its answer may have been lost.
        """
        if len(piece) > PIECE_BYTES:
            raise InputRefused(f"a piece has at most {PIECE_BYTES} bytes; send several.")
        async with self._find(name).lock:
            upload = self._find(name)  # it may have been dropped while waiting for the lock
            size = upload.incoming.size
            if offset is not None and piece and offset + len(piece) == size:
                return
            if offset not in {None, size}:
                raise InputRefused(f"the upload has {size} bytes; send its next piece at that offset.")
            try:
                self.apply(self.quotas.grow(name, len(piece), self._clock()))
                await asyncio.to_thread(upload.incoming.write, piece)
            except BaseException:
                self.drop(name)
                raise
            self.quotas.piece_written(name, self._clock())

    async def finish(self, name: str, cid: str = "") -> tuple[Digest, int]:
        """Store the file durably, also under ``cid`` if given; return digest and size."""
        async with self._find(name).lock:
            upload = self._find(name)
            self.quotas.mark_busy(name)
            size = upload.incoming.size
            try:
                digest = await asyncio.to_thread(upload.incoming.store)
                if cid:
                    await asyncio.to_thread(self.names.add, cid, digest)
                disk = self._disk_of(digest) + (NAME_BYTES if cid else 0)
                self.apply(self.quotas.store(name, digest, disk, self._clock(), upload.account))
            finally:
                self.drop(name)
        return digest, size

    def read(self, digest: Digest) -> None:
        """Record a read of a file."""
        self.apply(self.quotas.read(digest, self._clock()))

    def mark_opened(self, digest: Digest, reader: Address) -> None:
        """Record that a requester opened a result."""
        self.apply(self.quotas.mark_opened(digest, reader, self._clock()))

    def remove(self, digest: Digest, accounts: Collection[Address], issued: int) -> int:
        """Remove the holds of these accounts on a file; return how many holds of others keep it.

        Raises NotFound for an unknown file, CallRefused ("removal.5") where these accounts hold nothing to remove.
        """
        effects = self.quotas.remove(digest, accounts, issued)
        if not effects:
            raise CallRefused("removal.5", "this account has not stored this file here, or stored it again later.")
        if not self.quotas.holds(digest):
            effects = (*effects, RecordRemoval(digest))
        self.apply(effects)
        return len(self.quotas.holds(digest))

    def expected_files(self) -> list[Digest]:
        """Return the files that clients keep here by the records, whether the disk has them or not."""
        now = self._clock()
        return [file for file in self.quotas.files() if self.quotas.is_kept(file, now)]

    def lacks(self, digest: Digest) -> bool:
        """Return whether no client keeps a file here, and it was not removed at its account's request."""
        return not self.quotas.holds(digest) and digest not in self._removed

    def mark_named(self, digest: Digest) -> None:
        """Record that an asset on the chain names a file."""
        self.apply(self.quotas.apply_chain_answer([digest], [digest], self._clock()))

    def drop(self, name: str) -> None:
        """Discard an unfinished upload."""
        self.apply(self.quotas.drop(name))
        self._discard(name)

    def tick(self) -> None:
        """Drop silent uploads."""
        self.apply(self.quotas.tick(self._clock()))

    def expire(self) -> None:
        """Remove expired files."""
        self.apply(self.quotas.expire(self._clock()))

    def apply(self, effects: Iterable[Effect]) -> None:
        """Apply effects; raise ServiceUnavailable if they cannot be recorded."""
        effects = tuple(effects)
        for effect in effects:
            match effect:
                case DropUpload(name):
                    self._discard(name)
                case RecordRemoval(file):
                    self._removed.add(file)
                case RecordHold(hold):
                    self._removed.discard(hold.file)
                case RemoveFile(file):
                    self.names.remove(file)
                    self.folder.remove(file)
        self._records.write(effects)

    def close(self) -> None:
        """Remove every open upload."""
        for name in list(self._open):
            self.drop(name)
        self._records.close()

    def _disk_of(self, digest: Digest) -> int:
        try:
            return self.folder.disk_bytes(digest)
        except NotFound as error:
            raise ServiceUnavailable("an older copy of this file expired at this moment; store it again.") from error

    def _find(self, name: str) -> _UploadInProgress:
        if name not in self._open:
            raise NotFound("no such upload is open; start again: silent uploads are removed.")
        return self._open[name]

    def _discard(self, name: str) -> None:
        upload = self._open.pop(name, None)
        if upload is not None:
            upload.incoming.discard()

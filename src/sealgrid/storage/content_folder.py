"""Content-addressed folder: files named by their SHA-256, stored atomically, with limits and optional eviction."""

import asyncio
import hashlib
import heapq
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from weakref import WeakValueDictionary

from sealgrid.errors import FileTooLarge, InputRefused, NotFound, ServiceUnavailable, StoreFull
from sealgrid.storage.atomic_file import disk_errors, sync_folder
from sealgrid.storage.file_store import NO_LIMIT
from sealgrid.units import Digest, to_bytes, to_digest

BLOCK_BYTES = 4096  #: allocation unit of common file systems


def disk_bytes(size: int) -> int:
    """Return the disk space of a file of ``size`` bytes: whole blocks, at least one."""
    return max(1, -(-size // BLOCK_BYTES)) * BLOCK_BYTES


class ContentFolder:
    """Content-addressed files below ``root``.

    ``file_limit`` bounds the bytes of one file, ``total_limit`` the disk space of all files in whole blocks. With
    ``evict`` the folder is a cache and removes the least recently used files to store new ones.
    """

    def __init__(
        self, root: Path, *, file_limit: int = NO_LIMIT, total_limit: int = NO_LIMIT, evict: bool = False
    ) -> None:
        self._files, self._incoming = root / "files", root / "incoming"
        self.file_limit, self.total_limit, self._evict = file_limit, total_limit, evict
        for folder in (self._files, self._incoming):
            folder.mkdir(parents=True, exist_ok=True)
        for abandoned in self._incoming.iterdir():
            abandoned.unlink()
        #: of files that are being fetched: one request fetches a file, others wait
        self.fetch_locks: WeakValueDictionary[Digest, asyncio.Lock] = WeakValueDictionary()
        self._lock = threading.Lock()  # worker threads write the pieces
        self.used = sum(_allocated_bytes(file.stat()) for file in self._files.glob("*/*"))

    def path(self, sha256: Digest) -> Path:
        """Return the path of a stored file; raise NotFound."""
        path = self._path_of(sha256)
        if not path.is_file():
            raise NotFound(f"no file with digest {sha256} is stored here.")
        if self._evict:
            os.utime(path)  # the modification time records the last use
        return path

    def holds(self, sha256: Digest) -> bool:
        """Return whether the file is stored."""
        return self._path_of(sha256).is_file()

    def size(self, sha256: Digest) -> int:
        """Return the size of a stored file in bytes; raise NotFound."""
        return self.path(sha256).stat().st_size

    def disk_bytes(self, sha256: Digest) -> int:
        """Return the disk space of a stored file in bytes; raise NotFound."""
        return _allocated_bytes(self.path(sha256).stat())

    def digests(self) -> list[Digest]:
        """Return the digests of all stored files."""
        return [Digest(f"0x{file.name}") for file in self._files.glob("*/*")]

    def recent(self, count: int) -> tuple[Digest, ...]:
        """Return the digests of stored files that were used last, the latest first."""
        used: list[tuple[int, str]] = []
        for file in self._files.glob("*/*"):
            with suppress(FileNotFoundError):  # removed meanwhile
                used.append((file.stat().st_mtime_ns, file.name))
        return tuple(Digest(f"0x{name}") for _, name in heapq.nlargest(count, used))

    def remove(self, sha256: Digest) -> None:
        """Remove a stored file; readers that have it open can finish."""
        path = self._path_of(sha256)
        with self._lock, suppress(FileNotFoundError):
            occupied = _allocated_bytes(path.stat())
            path.unlink()
            self.used -= occupied

    def remove_altered(self, sha256: Digest) -> bool:
        """Remove a stored file whose content no longer has its digest; return whether it was removed."""
        try:
            with self._path_of(sha256).open("rb") as file:
                altered = to_digest(hashlib.file_digest(file, "sha256").digest()) != sha256
        except FileNotFoundError:
            altered = False
        except OSError:  # the disk does not give it
            altered = True
        if altered:
            self.remove(sha256)
        return altered

    def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return at most ``length`` bytes from ``offset``; less at the end of the file."""
        with self.path(sha256).open("rb") as file:
            file.seek(min(offset, os.fstat(file.fileno()).st_size))  # file systems refuse offsets above their largest
            return file.read(length)

    def begin(self) -> "IncomingFile":
        """Start a new file; raise StoreFull if no block is free."""
        return IncomingFile(self, self._incoming / secrets.token_hex(16))

    def reserve(self, size: int, already: int) -> None:
        """Reserve ``size`` more bytes for a file that has ``already`` bytes; raise FileTooLarge or StoreFull."""
        if already + size > self.file_limit:
            raise FileTooLarge(f"a file may have at most {self.file_limit} bytes here; use a larger store.")
        self._allocate(disk_bytes(already + size) - disk_bytes(already))

    def reserve_first_block(self) -> None:
        """Reserve the first block of a new file; raise StoreFull if none is free."""
        self._allocate(BLOCK_BYTES)

    def _allocate(self, more: int) -> None:
        with self._lock:
            if self._evict and self.used + more > self.total_limit:
                files = [(file.stat(), file) for file in self._files.glob("*/*")]
                for status, file in sorted(files, key=lambda each: each[0].st_mtime_ns):
                    file.unlink()  # current readers keep their open file
                    self.used -= _allocated_bytes(status)
                    if self.used + more <= self.total_limit:
                        break
            if more and self.used + more > self.total_limit:
                raise StoreFull(f"this store is full: its limit is {self.total_limit} bytes; use another one.")
            self.used += more

    def release(self, size: int) -> None:
        """Release the reservation of a discarded file of ``size`` bytes."""
        with self._lock:
            self.used -= disk_bytes(size)

    def commit(self, written: Path, sha256: Digest) -> bool:
        """Move a complete file to its digest; return False if the content is already stored."""
        path = self._path_of(sha256)
        with self._lock:
            if path.exists():
                return False
            path.parent.mkdir(exist_ok=True)
            written.rename(path)
            status = path.stat()
            self.used += _allocated_bytes(status) - disk_bytes(status.st_size)
        sync_folder(path.parent)
        sync_folder(self._files)
        return True

    def _path_of(self, sha256: Digest) -> Path:
        # Decoding first keeps invalid digests out of paths.
        try:
            name = to_bytes(sha256, 32).hex()
        except ValueError as error:
            raise InputRefused(f"{sha256[:80]!r} is not a valid digest: 0x and 64 hex digits.") from error
        return self._files / name[:2] / name


class IncomingFile:
    """A file that is being written; end with ``store`` or ``discard``."""

    def __init__(self, folder: ContentFolder, path: Path) -> None:
        self._folder, self._path = folder, path
        self._hash = hashlib.sha256()
        self.size = 0
        folder.reserve_first_block()
        self._owns_reservation = True  #: whether this object owns the reservation
        try:
            with disk_errors():
                self._file = path.open("xb")
        except ServiceUnavailable:
            folder.release(0)
            raise

    def write(self, piece: bytes) -> None:
        """Append a piece; raise FileTooLarge, StoreFull or ServiceUnavailable."""
        self._folder.reserve(len(piece), self.size)
        self.size += len(piece)
        with disk_errors():
            self._file.write(piece)
        self._hash.update(piece)

    def digest(self) -> Digest:
        """Return the digest of the bytes written so far."""
        return to_digest(self._hash.digest())

    def store(self) -> Digest:
        """Make the file durable under its digest; return the digest."""
        with disk_errors():
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file.close()
        stored = self.digest()
        if self._folder.commit(self._path, stored):
            self._owns_reservation = False  # the folder owns the reservation from here on
        else:
            self.discard()
        return stored

    def discard(self) -> None:
        """Remove the written bytes."""
        with suppress(OSError):  # closing flushes, which fails on a full disk
            self._file.close()
        self._path.unlink(missing_ok=True)
        if self._owns_reservation:
            self._folder.release(self.size)
        self._owns_reservation = False


def _allocated_bytes(status: os.stat_result) -> int:
    return max(disk_bytes(status.st_size), status.st_blocks * 512)

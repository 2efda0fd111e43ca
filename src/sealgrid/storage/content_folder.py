"""A folder that holds files under their digest: a file appears whole and verified, or not at all."""

import hashlib
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path

from sealgrid.errors import FileTooLarge, InputRefused, NotFound, ServiceUnavailable, StoreFull
from sealgrid.storage.atomic_file import disk_errors, sync_folder
from sealgrid.storage.file_store import NO_LIMIT
from sealgrid.units import Digest, to_bytes, to_digest

BLOCK_BYTES = 4096  #: what file systems give out; a file of one byte takes one block


def disk_bytes(size: int) -> int:
    """Return the bytes of disk that a file of ``size`` bytes takes: whole blocks, at least one."""
    return max(1, -(-size // BLOCK_BYTES)) * BLOCK_BYTES


class ContentFolder:
    """Content-addressed files beneath ``root``.

    ``file_limit`` bounds the bytes of one file, ``total_limit`` the disk that all files take, in whole blocks.
    With ``evict`` it is a cache: files that were not asked for the longest make room for new ones.
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
        self._lock = threading.Lock()  # pieces are written by threads
        self.used = sum(_allocated_bytes(file.stat()) for file in self._files.glob("*/*"))

    def path(self, sha256: Digest) -> Path:
        """Return where a stored file lies; raise NotFound."""
        place = self._place(sha256)
        if not place.is_file():
            raise NotFound(f"no file with digest {sha256} is stored here.")
        if self._evict:
            os.utime(place)  # its modification time says when it was last asked for
        return place

    def holds(self, sha256: Digest) -> bool:
        """Return whether the file is stored here."""
        return self._place(sha256).is_file()

    def size(self, sha256: Digest) -> int:
        """Return a stored file's bytes; raise NotFound."""
        return self.path(sha256).stat().st_size

    def disk_bytes(self, sha256: Digest) -> int:
        """Return the bytes of disk that a stored file takes; raise NotFound."""
        return _allocated_bytes(self.path(sha256).stat())

    def digests(self) -> list[Digest]:
        """Return what is stored here."""
        return [Digest(f"0x{file.name}") for file in self._files.glob("*/*")]

    def remove(self, sha256: Digest) -> None:
        """Remove a stored file; a reader that has it open reads on."""
        place = self._place(sha256)
        with self._lock, suppress(FileNotFoundError):
            occupied = _allocated_bytes(place.stat())
            place.unlink()
            self.used -= occupied

    def read(self, sha256: Digest, offset: int, length: int) -> bytes:
        """Return at most ``length`` bytes from ``offset``; less at the end of the file."""
        with self.path(sha256).open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def begin(self) -> "IncomingFile":
        """Start a new file; raise StoreFull when there is no block left for it."""
        return IncomingFile(self, self._incoming / secrets.token_hex(16))

    def reserve(self, size: int, already: int) -> None:
        """Account for ``size`` more bytes of a file that has ``already``; raise when a limit is passed."""
        if already + size > self.file_limit:
            raise FileTooLarge(f"a file may have at most {self.file_limit} bytes here; use a larger store.")
        self._occupy(disk_bytes(already + size) - disk_bytes(already))

    def open_account(self) -> None:
        """Account for the first block of a new file; raise StoreFull when there is none."""
        self._occupy(BLOCK_BYTES)

    def _occupy(self, more: int) -> None:
        with self._lock:
            if self._evict and self.used + more > self.total_limit:
                self._make_room(more)
            if more and self.used + more > self.total_limit:
                raise StoreFull(f"this store is full: its limit is {self.total_limit} bytes; use another one.")
            self.used += more

    def release(self, size: int) -> None:
        """Give back the disk of a file of ``size`` bytes that was not kept."""
        with self._lock:
            self.used -= disk_bytes(size)

    def adopt(self, written: Path, sha256: Digest) -> bool:
        """Give a written file its name; return False when its content was already here."""
        place = self._place(sha256)
        with self._lock:
            if place.exists():
                return False
            place.parent.mkdir(exist_ok=True)
            written.rename(place)
            status = place.stat()
            self.used += _allocated_bytes(status) - disk_bytes(status.st_size)
        sync_folder(place.parent)
        sync_folder(self._files)
        return True

    def _make_room(self, size: int) -> None:
        known = [(file.stat(), file) for file in self._files.glob("*/*")]
        for status, file in sorted(known, key=lambda each: each[0].st_mtime_ns):
            if self.used + size <= self.total_limit:
                return
            file.unlink()  # whoever reads it now keeps its open file
            self.used -= _allocated_bytes(status)

    def _place(self, sha256: Digest) -> Path:
        # The digest is decoded first: what is no digest never becomes part of a path.
        try:
            name = to_bytes(sha256, 32).hex()
        except ValueError as error:
            raise InputRefused(f"{sha256[:80]!r} is no digest: 0x and 64 hex digits.") from error
        return self._files / name[:2] / name


class IncomingFile:
    """A file that is being written; ``store`` it or ``discard`` it."""

    def __init__(self, folder: ContentFolder, path: Path) -> None:
        self._folder, self._path = folder, path
        self._hash = hashlib.sha256()
        self.size = 0
        folder.open_account()
        self._open = True  #: whether its blocks are accounted to this object
        try:
            with disk_errors():
                self._file = path.open("xb")
        except ServiceUnavailable:
            folder.release(0)
            raise

    def write(self, piece: bytes) -> None:
        """Append a piece; raise InputRefused or ServiceUnavailable when a limit or the disk is full."""
        self._folder.reserve(len(piece), self.size)
        self.size += len(piece)
        with disk_errors():
            self._file.write(piece)
        self._hash.update(piece)

    def digest(self) -> Digest:
        """Return the digest of what was written so far."""
        return to_digest(self._hash.digest())

    def store(self) -> Digest:
        """Make the file durable under its digest, and return that."""
        with disk_errors():
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file.close()
        stored = self.digest()
        if self._folder.adopt(self._path, stored):
            self._open = False  # the folder's now: a later discard gives nothing back
        else:
            self.discard()
        return stored

    def discard(self) -> None:
        """Remove what was written."""
        with suppress(OSError):  # what a full disk did not take is removed anyway
            self._file.close()
        self._path.unlink(missing_ok=True)
        if self._open:
            self._folder.release(self.size)
        self._open = False


def _allocated_bytes(status: os.stat_result) -> int:
    return max(disk_bytes(status.st_size), status.st_blocks * 512)

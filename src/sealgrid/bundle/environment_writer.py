"""Lay out an environment archive while it is received: each byte is written once, directly to its file."""

import hashlib
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from sealgrid.bundle.manifest import EnvironmentEntry
from sealgrid.bundle.wheel_unpacker import Entry, plan_archives
from sealgrid.errors import BundleRefused
from sealgrid.units import to_digest

NAME: Final = "environment"  #: name of the archive in error messages
END_BYTES: Final = 22  #: of the record that ends a zip without a comment (APPNOTE 4.3.16)
MAX_DIRECTORY_BYTES: Final = 32 << 20
_END: Final = struct.Struct("<4s4H2LH")
_END_SIGNATURE: Final = b"PK\5\6"
_LOCAL_HEADER: Final = 30  #: bytes of a local file header before its name (APPNOTE 4.3.7)


@dataclass(frozen=True, slots=True)
class _PendingFile:
    start: int
    end: int
    path: Path


def directory_start(environment: EnvironmentEntry, end: bytes) -> int:
    """Return the offset of an archive's directory from its last 22 bytes; raise BundleRefused (2) for another form."""
    try:
        signature, disk, other, _, entries, size, start, comment = _END.unpack(end)
    except struct.error as error:
        raise BundleRefused("2", "the environment has no end record.") from error
    is_plain = start + size + END_BYTES == environment.size and entries < 0xFFFF  # more would need a zip64 record
    if signature != _END_SIGNATURE or disk or other or comment or not is_plain or size > MAX_DIRECTORY_BYTES:
        raise BundleRefused("2", "the environment does not end like a plain archive of its size.")
    return int(start)


class EnvironmentWriter:
    """Writes the files of one environment from the same bytes that it hashes.

    ``directory`` holds the archive's bytes from ``directory_start`` on, as the host sent them. It is parsed before its
    hash is known, by checks (2) to (7) of ``unpack_wheels``, and hashed with the rest. ``target`` must be empty and
    exclusive: its content is unverified until ``finish`` returns. ``scratch`` is a path for a sparse file.

    Raises BundleRefused with the number of the first check that fails; (1), the hash, is the last.
    """

    def __init__(self, environment: EnvironmentEntry, directory: bytes, target: Path, scratch: Path) -> None:
        self._environment, self._directory = environment, directory
        self.start = environment.size - len(directory)  #: bytes to write before the directory
        with scratch.open("xb") as file:  # a hole and the directory are enough to plan
            file.seek(self.start)
            file.write(directory)
        (plan,) = plan_archives({NAME: scratch}, target)
        self._files = _pending_files(plan.entries, target, self.start)
        self._digest = hashlib.sha256()
        self._offset = self._next = 0
        self._open: BinaryIO | None = None

    def write(self, *pieces: bytes) -> None:
        """Hash and write the archive's next bytes."""
        for piece in pieces:
            self._digest.update(piece)
            begin, self._offset = self._offset, self._offset + len(piece)
            content = memoryview(piece)
            while self._next < len(self._files) and self._files[self._next].start <= self._offset:
                file = self._files[self._next]
                if self._open is None:
                    self._open = file.path.open("xb")  # buffered: writes all of a part, or raises
                self._open.write(content[max(file.start - begin, 0) : max(file.end - begin, 0)])
                if file.end > self._offset:
                    break
                self.close()
                self._next += 1

    def finish(self) -> None:
        """Verify the written bytes and the directory against the manifest's digest (1)."""
        self.close()
        self._digest.update(self._directory)
        if self._offset != self.start or to_digest(self._digest.digest()) != self._environment.sha256:
            raise BundleRefused("1", "the environment is not the one that the manifest names.")

    def close(self) -> None:
        """Close the file that is being written, if any."""
        if self._open is not None:
            self._open.close()
            self._open = None


def _pending_files(entries: tuple[Entry, ...], target: Path, end: int) -> list[_PendingFile]:
    """Return the range of each file; (2) files are stored back to back, without extra fields or gaps."""
    files, offset = [], 0
    for entry, path in sorted(entries, key=lambda entry: entry[0].header_offset):
        start = offset + _LOCAL_HEADER + len(entry.filename.encode())
        stored = entry.compress_type == zipfile.ZIP_STORED and entry.compress_size == entry.file_size
        if entry.header_offset != offset or not stored:
            raise BundleRefused("2", f"{path!r} in the environment is not stored directly after the previous file.")
        offset = start + entry.file_size
        files.append(_PendingFile(start, offset, target / path))
    if offset != end:
        raise BundleRefused("2", "the environment has bytes that belong to no file.")
    return files

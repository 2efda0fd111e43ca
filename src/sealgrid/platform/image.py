"""Measurement of a runtime image: one digest over all files (docs/protocol/bundle.md)."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sealgrid.errors import HostFailed

_THREADS = 2  #: hashing releases the GIL
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, order=True, slots=True)
class MeasuredFile:
    """One file of an image."""

    path: str  #: relative, with "/"
    size: int
    sha256: str  #: hex
    executable: bool

    def line(self) -> str:
        """Return the file's line of the measured list."""
        return f"{self.sha256} {self.size} {'x' if self.executable else '-'} {self.path}\n"


def mrtd(files: Iterable[MeasuredFile]) -> bytes:
    """Return SHA-384 of the file list, 48 bytes: the MRTD of a simulated quote.

    One line per file in the order of paths: SHA-256, size, whether it is executable, path (docs/protocol/bundle.md).
    """
    return hashlib.sha384("".join(file.line() for file in sorted(files)).encode()).digest()


def measure(folder: Path) -> list[MeasuredFile]:
    """Hash every file below a folder; raise HostFailed for a link or a name with a line break."""
    names = sorted(_names_below(str(folder)))
    with ThreadPoolExecutor(_THREADS) as threads:
        shares = [names[start::_THREADS] for start in range(_THREADS)]
        parts = threads.map(lambda share: [_measure(str(folder), name) for name in share], shares)
        return [file for part in parts for file in part]


def file_states(folder: Path) -> bytes:
    """Return a digest of what the file system knows about every file below a folder; it reads no content.

    Writing, replacing, adding or removing a file changes it: the kernel sets the time of the last change (ctime), which
    no program can set. It is not a measurement, and depends on this copy of the files.
    """
    digest = hashlib.sha256()
    for name in sorted(_names_below(str(folder))):
        status = os.lstat(f"{folder}/{name}")
        state = (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        digest.update(f"{name}\n{state}\n".encode())
    return digest.digest()


def _names_below(folder: str, before: str = "") -> Iterator[str]:
    """Yield the relative paths of all entries below a folder except folders."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _names_below(entry.path, f"{before}{entry.name}/")
            else:
                yield before + entry.name


def _measure(folder: str, name: str) -> MeasuredFile:
    # Every launch measures a thousand files; Path objects would cost more than SHA-256.
    path = f"{folder}/{name}"
    if "\n" in name or not stat.S_ISREG(os.lstat(path).st_mode):
        raise HostFailed(f"the runtime's image holds {name!r}, which is not a regular file.")
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        status = os.fstat(file.fileno())
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return MeasuredFile(name, status.st_size, digest.hexdigest(), bool(status.st_mode & stat.S_IXUSR))

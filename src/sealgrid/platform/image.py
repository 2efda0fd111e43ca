"""The measurement of a runtime: one digest over every file that an enclave is made of."""

import hashlib
import stat
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sealgrid.errors import HostFailed

_THREADS = 2  #: hashing runs outside Python's lock


@dataclass(frozen=True, order=True, slots=True)
class MeasuredFile:
    """One file of an image."""

    path: str  #: relative, with "/"
    size: int
    sha256: str  #: hex
    executable: bool

    def line(self) -> str:
        """Return the file's line of the list that is measured."""
        return f"{self.sha256} {self.size} {'x' if self.executable else '-'} {self.path}\n"


def mrtd(files: Iterable[MeasuredFile]) -> bytes:
    """Return SHA-384 of the file list: 48 bytes, which take the place of MRTD in a simulated quote.

    One line per file in the order of paths: SHA-256, size, whether it is executable, path (docs/protocol/bundle.md).
    """
    return hashlib.sha384("".join(file.line() for file in sorted(files)).encode()).digest()


def measure(folder: Path) -> list[MeasuredFile]:
    """Hash every file below a folder; raise HostFailed for a link or a name that breaks the list's lines."""
    paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    with ThreadPoolExecutor(_THREADS) as threads:
        parts = threads.map(lambda some: [_measure(path, folder) for path in some], _split(paths))
        return [file for part in parts for file in part]


def _split(paths: Sequence[Path]) -> list[Sequence[Path]]:
    return [paths[start::_THREADS] for start in range(_THREADS)]


def _measure(path: Path, folder: Path) -> MeasuredFile:
    name = path.relative_to(folder).as_posix()
    if path.is_symlink() or not path.is_file() or "\n" in name:
        raise HostFailed(f"the runtime's image holds {name!r}, which is no plain file.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        status = path.stat()
    return MeasuredFile(name, status.st_size, digest, bool(status.st_mode & stat.S_IXUSR))

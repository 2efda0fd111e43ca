"""Collect the outputs of an app that ended: plain files below its output folder, without following links."""

import errno
import itertools
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sealgrid.bundle.archive import pack, path_fault
from sealgrid.errors import AppFailed, HostFailed

STATUS_FILE = "sealgrid.json"  #: added to every result by the runtime: exit status, iExec's digest of the output
MAX_FILES = 10_000
MAX_DEPTH = 32
_PIECE = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # opening a pipe must not block


def collect(folder: Path, limit: int) -> dict[str, bytes]:
    """Return path -> content of an output folder whose writers have all ended; ``limit`` is in bytes.

    An output is valid when (1) every entry is a plain file or a folder, no link, device, pipe or socket, (2) no file
    has a second name outside or inside (hard link), (3) every name is allowed in an archive, (4) there are at most
    10,000 files and folders, 32 deep, of ``limit`` bytes together, (5) no name equals, ignoring case, that of the file
    that the runtime adds. Raises AppFailed with the reason, since only the app wrote here; HostFailed when the machine
    cannot read its own memory.
    """
    collected = _OutputCollector(limit)
    try:
        root = os.open(folder, _FOLDER)
        try:
            collected.walk(root, "", 1)
        finally:
            os.close(root)
    except OSError as error:
        raise HostFailed(f"the output could not be read ({errno.errorcode.get(error.errno or 0, 'error')}).") from error
    return collected.files


def pack_result(files: dict[str, bytes]) -> bytes:
    """Return the result archive; equal files give equal bytes."""
    return pack(files)


class _OutputCollector:
    def __init__(self, limit: int) -> None:
        self.files: dict[str, bytes] = {}
        self._bytes_left, self._entries_left = limit, MAX_FILES

    def walk(self, folder: int, prefix: str, depth: int) -> None:
        if depth > MAX_DEPTH:  # (4)
            raise AppFailed(f"the app's output is more than {MAX_DEPTH} folders deep.")
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in itertools.islice(entries, self._entries_left + 1))
        self._entries_left -= len(names)
        if self._entries_left < 0:  # (4)
            raise AppFailed(f"the app left more than {MAX_FILES} files and folders.")
        for name in names:
            self._charge(len(os.fsencode(prefix + name)))  # names are part of the result, so they count
            if not prefix and name.casefold() == STATUS_FILE:  # (5)
                raise AppFailed(f"an output is named {STATUS_FILE}, which is reserved for the runtime's exit status.")
            fault = path_fault(prefix + name)
            if fault is not None:  # (3)
                raise AppFailed(f"an output's name {fault}.")
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(mode.st_mode):
                with _opened(name, _FOLDER, folder) as below:
                    self.walk(below, f"{prefix}{name}/", depth + 1)
            else:
                self._read_file(folder, name, prefix, mode)

    def _read_file(self, folder: int, name: str, prefix: str, status: os.stat_result) -> None:
        # A name may disclose data, so no reason repeats one.
        if not stat.S_ISREG(status.st_mode):  # (1)
            raise AppFailed("an output is not a plain file.")
        if status.st_nlink != 1:  # (2)
            raise AppFailed("an output has a second name.")
        content = bytearray()
        with _opened(name, _FILE, folder) as file:
            while piece := os.read(file, _PIECE):
                content += piece
                self._charge(len(piece))
        self.files[prefix + name] = bytes(content)

    def _charge(self, size: int) -> None:
        self._bytes_left -= size
        if self._bytes_left < 0:  # (4)
            raise AppFailed("the app's output is above its limit.")


@contextmanager
def _opened(name: str, flags: int, folder: int) -> Iterator[int]:
    file = os.open(name, flags, dir_fd=folder)
    try:
        yield file
    finally:
        os.close(file)

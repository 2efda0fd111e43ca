"""Atomic file replacement: a file is complete under its name or absent (POSIX ``rename``, ``fsync``)."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sealgrid.errors import ServiceUnavailable


@contextmanager
def atomic_writer(path: Path, *, mode: int = 0o600, replace: bool = True, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path``: it takes that name when the block ends and is removed when it raises.

    Raises OSError; FileExistsError if ``path`` exists and ``replace`` is false. A ``durable`` file survives a power
    failure after the block.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if replace:
            part.replace(path)
        else:
            path.hardlink_to(part)  # unlike a rename, fails if the name exists
    finally:
        part.unlink(missing_ok=True)
    if durable:
        sync_folder(path.parent)


def write_file(path: Path, content: bytes, *, mode: int = 0o600, replace: bool = True) -> None:
    """Write a small file atomically and durably; raise as ``atomic_writer`` does."""
    with atomic_writer(path, mode=mode, replace=replace) as file:
        file.write(content)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Convert OSError of a full or failing disk to ServiceUnavailable."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        problem = "the store's disk is full" if full else f"the store's disk failed ({error.strerror})"
        raise ServiceUnavailable(f"{problem}; the file was not stored.") from error

"""Write files that only their owner may read, and that are whole on the disk or not there at all."""

import os
from pathlib import Path


def write_private(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file of mode 0600 in a folder of mode 0700; it is on the disk when this returns.

    Raises FileExistsError for one that is there, unless it may be replaced; OSError when it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            part.replace(path)
        else:
            path.hardlink_to(part)  # unlike a rename, refuses when the name is taken
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def is_private(folder: Path) -> bool:
    """Tell whether nobody but its owner may read a folder and the files in it; one that is not there is private."""
    if not folder.exists():
        return True
    return not any(path.stat().st_mode & 0o077 for path in (folder, *folder.glob("*.json")))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

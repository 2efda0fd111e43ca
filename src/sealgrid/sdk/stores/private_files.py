"""Durable files that only their owner may read."""

from pathlib import Path

from sealgrid.storage.atomic_file import write_file


def write_private(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file of mode 0600 atomically and durably, in a folder of mode 0700.

    Raises FileExistsError for an existing file unless ``replace``, OSError when it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(path, content, replace=replace)


def is_private(folder: Path) -> bool:
    """Return whether only its owner may read a folder and its JSON files; a missing folder is private."""
    if not folder.exists():
        return True
    return not any(path.stat().st_mode & 0o077 for path in (folder, *folder.glob("*.json")))

"""Write files that only their owner may read, and that are whole on the disk or not there at all."""

from pathlib import Path

from sealgrid.storage.atomic_file import write_file


def write_private(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file of mode 0600 in a folder of mode 0700; it is on the disk when this returns.

    Raises FileExistsError for one that is there, unless it may be replaced; OSError when it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(path, content, replace=replace)


def is_private(folder: Path) -> bool:
    """Tell whether nobody but its owner may read a folder and the files in it; one that is not there is private."""
    if not folder.exists():
        return True
    return not any(path.stat().st_mode & 0o077 for path in (folder, *folder.glob("*.json")))

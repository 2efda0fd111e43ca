"""Copy a vault's database while it runs, and put a copy back where none is."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sealgrid.errors import InputRefused
from sealgrid.vault.stores.database import DATABASE


def back_up(folder: Path, target: Path) -> None:
    """Copy the database as of one moment into a new private file; the vault may go on meanwhile.

    The copy's shares are encrypted under the at-rest key, which is not in it. Raises InputRefused when there is no
    database, or the target exists or cannot be written.
    """
    source = folder / DATABASE
    if not source.exists():
        raise InputRefused(f"there is no vault in {folder}.", money="")
    _copy(source, target)


def place_copy(source: Path, folder: Path) -> Path:
    """Put a copy beside where the vault's database belongs and return it; rename it once it may serve.

    Raises InputRefused where a database is, since that is newer than any copy, and for a copy that is damaged.
    """
    database = folder / DATABASE
    if database.exists():
        raise InputRefused(f"{database} is there, and newer than any copy; move it away if it is lost.", money="")
    if not source.is_file():
        raise InputRefused(f"{source} cannot be read.", money="")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.glob(f"{DATABASE}.part*"):
        left.unlink()
    placed = folder / f"{DATABASE}.part"
    _copy(source, placed)
    return placed


def _copy(source: Path, target: Path) -> None:
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise InputRefused(f"{target} cannot be written as a new file ({error.strerror}).", money="") from error
    try:
        sound = _copied(f"{source.resolve().as_uri()}?mode=ro", target)
    except sqlite3.DatabaseError:
        sound = False
    if not sound:
        target.unlink()
        raise InputRefused(f"{source} is damaged, or no copy of a vault's database.", money="")


def _copied(source: str, target: Path) -> bool:
    with closing(sqlite3.connect(source, uri=True)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")
        marked = new.execute("SELECT value FROM about WHERE name = 'vault'").fetchone()
        return marked is not None and new.execute("PRAGMA integrity_check").fetchone() == ("ok",)

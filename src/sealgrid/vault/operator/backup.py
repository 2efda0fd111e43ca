"""Backs up a vault's database while the vault runs, and places a backup in an empty folder."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sealgrid.errors import InputRefused
from sealgrid.vault.stores.database import DATABASE


def back_up(folder: Path, target: Path) -> None:
    """Copy a consistent snapshot of the database to a new private file; the vault may run meanwhile.

    The shares in the backup stay encrypted under the at-rest key, which the backup does not contain. Raises
    InputRefused without a database, or if the target exists or cannot be written.
    """
    source = folder / DATABASE
    if not source.exists():
        raise InputRefused(f"there is no vault in {folder}.", money="")
    _copy(source, target)


def place_backup(source: Path, folder: Path) -> Path:
    """Copy a backup next to the path of the vault's database and return it; the caller renames it when it is ready.

    Raises InputRefused if a database exists, because it is newer than any backup, and for a damaged backup.
    """
    database = folder / DATABASE
    if database.exists():
        raise InputRefused(f"{database} exists and is newer than any copy; move it away if it is unusable.", money="")
    if not source.is_file():
        raise InputRefused(f"{source} cannot be read.", money="")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for leftover in folder.glob(f"{DATABASE}.part*"):
        leftover.unlink()
    placed = folder / f"{DATABASE}.part"
    _copy(source, placed)
    return placed


def _copy(source: Path, target: Path) -> None:
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise InputRefused(f"{target} cannot be written as a new file ({error.strerror}).", money="") from error
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE")
            bound = new.execute("SELECT value FROM about WHERE name = 'vault'").fetchone()
            intact = bound is not None and new.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    except sqlite3.DatabaseError:
        intact = False
    if not intact:
        target.unlink()
        raise InputRefused(f"{source} is damaged, or not a copy of a vault's database.", money="")

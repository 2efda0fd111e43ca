"""Keeps the logs of a local network bounded: a log that grew too long moves to ``NAME.log.1`` and begins anew."""

import os
from pathlib import Path
from typing import Final

from sealgrid.storage.atomic_file import write_file

MOST_BYTES: Final = 4 << 20  #: of one log; the part before it, as long at most, stays beside it


def rotate(folder: Path, most: int = MOST_BYTES) -> None:
    """Move the end of every log above ``most`` bytes aside and empty it; its writers append to files that they hold."""
    for log in folder.glob("*.log"):
        if (size := log.stat().st_size) > most:
            with log.open("rb") as file:
                file.seek(size - most)
                end = file.read(most)
            write_file(log.with_name(f"{log.name}.1"), end)
            os.truncate(log, 0)

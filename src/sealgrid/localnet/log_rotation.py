"""Bounds the logs of a local network: the end of a large log moves to ``NAME.log.1``, and the log is emptied."""

import os
from pathlib import Path
from typing import Final

from sealgrid.storage.atomic_file import write_file

MAX_LOG_BYTES: Final = 4 << 20  #: of a log, and of the part before it


def rotate(folder: Path, limit: int = MAX_LOG_BYTES) -> None:
    """Rotate every log above ``limit`` bytes. The file is truncated, not replaced: its writers have it open."""
    for log in folder.glob("*.log"):
        if (size := log.stat().st_size) > limit:
            with log.open("rb") as file:
                file.seek(size - limit)
                end = file.read(limit)
            write_file(log.with_name(f"{log.name}.1"), end)
            os.truncate(log, 0)

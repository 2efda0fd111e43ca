"""What a storage node is told at its start."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealgrid.wire.access import Access

#: Files move in pieces of 1 MiB, a request each.
DEFAULT_STORAGE_ACCESS: Final = Access(requests_per_minute=3000)


@dataclass(frozen=True, slots=True)
class StorageNodeConfig:
    """Where a storage node keeps files and how many it takes."""

    folder: Path
    file_limit: int = 8 << 30  #: bytes of one file
    total_limit: int = 64 << 30  #: bytes of all files and uploads together
    upload_seconds: float = 600.0  #: an upload that is silent for so long is removed
    open_uploads: int = 256  #: at one time
    access: Access = DEFAULT_STORAGE_ACCESS

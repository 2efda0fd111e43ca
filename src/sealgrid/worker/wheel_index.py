"""Index of the wheels and environments in local folders, by SHA-256."""

import asyncio
import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

from sealgrid.units import Digest, to_digest

_PATTERNS = ("*.whl", "environments/*.zip")


class WheelIndex:
    """Indexes files lazily. The enclave hashes its own copy, so a wrong index only fails a job."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._paths: dict[Digest, Path] = {}
        self._hashed: set[Path] = set()
        self._lock = threading.Lock()

    async def path(self, sha256: Digest) -> Path | None:
        """Return the path of a file, or None; a thread is used only for files not indexed yet."""
        return self._paths.get(sha256) or await asyncio.to_thread(self.find, sha256)

    def find(self, sha256: Digest) -> Path | None:
        """Return the path of a file, or None."""
        with self._lock:  # a job requests several wheels concurrently
            if sha256 not in self._paths:
                files = (path for folder in self._folders for kind in _PATTERNS for path in sorted(folder.glob(kind)))
                for path in files:
                    if path not in self._hashed:
                        self._hashed.add(path)
                        with path.open("rb") as file:
                            self._paths[to_digest(hashlib.file_digest(file, "sha256").digest())] = path
            return self._paths.get(sha256)

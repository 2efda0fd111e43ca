"""Wheels and environments that apps run on, found by the digest of their file in folders of this machine."""

import asyncio
import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

from sealgrid.units import Digest, to_digest

_KINDS = ("*.whl", "environments/*.zip")


class WheelFolders:
    """Index such files lazily; the enclave hashes its own copy again, so a wrong index only costs a job."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._found: dict[Digest, Path] = {}
        self._hashed: set[Path] = set()
        self._lock = threading.Lock()

    async def path(self, sha256: Digest) -> Path | None:
        """Return where the file lies, or None; only what is not known yet takes a thread."""
        return self._found.get(sha256) or await asyncio.to_thread(self.find, sha256)

    def find(self, sha256: Digest) -> Path | None:
        """Return where the file lies, or None."""
        with self._lock:  # several wheels of one job are asked for at once
            if sha256 not in self._found:
                self._index()
            return self._found.get(sha256)

    def _index(self) -> None:
        for path in (p for folder in self._folders for kind in _KINDS for p in sorted(folder.glob(kind))):
            if path not in self._hashed:
                self._hashed.add(path)
                with path.open("rb") as file:
                    self._found[to_digest(hashlib.file_digest(file, "sha256").digest())] = path

"""Stores a limited number of small documents in a folder, one file each, written atomically."""

from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from sealgrid.errors import ServiceUnavailable
from sealgrid.storage.atomic_file import disk_errors, write_file

T = TypeVar("T")


class DocumentStore(Generic[T]):
    """Documents of one type, by names that are safe in a path, for example addresses."""

    def __init__(self, folder: Path, kind: type[T], *, limit: int) -> None:
        self._folder, self._kind, self._limit = folder, kind, limit
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for unfinished in folder.glob(".*.part"):
            unfinished.unlink()
        self._names = {file.stem for file in folder.glob("*.json")}

    def get(self, name: str) -> T | None:
        """Return a document, or None."""
        return msgspec.json.decode(self._path(name).read_bytes(), type=self._kind) if name in self._names else None

    def put(self, name: str, document: T) -> None:
        """Store or replace a document durably; raise ServiceUnavailable if the limit is reached."""
        if name not in self._names and len(self._names) >= self._limit:
            raise ServiceUnavailable("the storage of this service is full; contact its operator.")
        with disk_errors():
            write_file(self._path(name), msgspec.json.encode(document))
        self._names.add(name)

    def delete(self, name: str) -> None:
        """Delete a document, if it exists."""
        self._path(name).unlink(missing_ok=True)
        self._names.discard(name)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

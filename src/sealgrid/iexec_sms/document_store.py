"""Documents in a folder, one small file each, whole or absent; how many may lie there is limited."""

from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from sealgrid.errors import ServiceUnavailable
from sealgrid.storage.atomic_file import disk_errors, write_file

T = TypeVar("T")


class DocumentStore(Generic[T]):
    """Documents of one kind under names that are safe in a path, as addresses are."""

    def __init__(self, folder: Path, kind: type[T], *, most: int) -> None:
        self._folder, self._kind, self._most = folder, kind, most
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for unfinished in folder.glob(".*.part"):
            unfinished.unlink()
        self._names = {file.stem for file in folder.glob("*.json")}

    def get(self, name: str) -> T | None:
        """Return a document, or None."""
        return msgspec.json.decode(self._place(name).read_bytes(), type=self._kind) if name in self._names else None

    def put(self, name: str, document: T) -> None:
        """Keep a document durably, in place of an earlier one; raise ServiceUnavailable where there is no room."""
        if name not in self._names and len(self._names) >= self._most:
            raise ServiceUnavailable("there is no room for more here; ask whoever runs this service.")
        with disk_errors():
            write_file(self._place(name), msgspec.json.encode(document))
        self._names.add(name)

    def drop(self, name: str) -> None:
        """Remove a document, if it is there."""
        self._place(name).unlink(missing_ok=True)
        self._names.discard(name)

    def _place(self, name: str) -> Path:
        return self._folder / f"{name}.json"

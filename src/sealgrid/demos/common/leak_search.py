"""Searches files for byte windows of secrets."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

WINDOW_BYTES = 48  #: long enough to exclude chance
WINDOWS = 12  #: of one secret, spread over it
CHUNK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Files and bytes that were searched, and the secrets that were found."""

    files: int
    bytes: int
    found: tuple[str, ...]  #: "name of the secret in path"


def windows(secret: bytes) -> list[bytes]:
    """Return windows spread over a secret. Windows of few different bytes are skipped: any file may contain them."""
    step = max(WINDOW_BYTES, len(secret) // (4 * WINDOWS))
    found = (secret[start : start + WINDOW_BYTES] for start in range(0, max(1, len(secret) - WINDOW_BYTES), step))
    distinctive = [window for window in found if len(set(window)) > WINDOW_BYTES // 3]
    return distinctive[:: max(1, len(distinctive) // WINDOWS)]


def search(folders: Iterable[Path], secrets: dict[str, bytes]) -> SearchResult:
    """Search every file below the folders for windows of every secret."""
    patterns = {name: windows(secret) for name, secret in secrets.items()}
    files = size = 0
    found: set[str] = set()
    below = (Path(root, name) for folder in folders for root, _, names in os.walk(folder) for name in names)
    for path in below:
        if not path.is_file():
            continue
        files += 1
        for chunk in _chunks(path):
            size += len(chunk)
            found |= {f"{name} in {path}" for name, each in patterns.items() if any(window in chunk for window in each)}
    return SearchResult(files, size, tuple(sorted(found)))


def _chunks(path: Path) -> Iterator[bytes]:
    # Chunks overlap by a window.
    try:
        with path.open("rb") as file:
            tail = b""
            while chunk := file.read(CHUNK_BYTES):
                yield tail + chunk
                tail = chunk[-WINDOW_BYTES:]
    except OSError:
        return  # a file that was deleted during the search

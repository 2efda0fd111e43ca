"""Search what a machine kept for what it must not have: real windows of bytes, with a planted one as a control."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

WINDOW = 48  #: bytes; long enough to be found by no accident
COUNT = 12  #: windows of one secret, spread over it
PIECE = 4 << 20


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found."""

    files: int
    bytes: int
    found: tuple[str, ...]  #: "name of the secret in path"


def windows(secret: bytes) -> list[bytes]:
    """Return windows spread over a secret; dull ones are skipped, since any file may hold those."""
    step = max(WINDOW, len(secret) // (4 * COUNT))
    found = (secret[start : start + WINDOW] for start in range(0, max(1, len(secret) - WINDOW), step))
    telling = [window for window in found if len(set(window)) > WINDOW // 3]
    return telling[:: max(1, len(telling) // COUNT)]


def search(folders: Iterable[Path], secrets: dict[str, bytes]) -> SearchResult:
    """Look for windows of every secret in every file beneath the folders."""
    wanted = {name: windows(secret) for name, secret in secrets.items()}
    files = size = 0
    found: set[str] = set()
    for path in _files(folders):
        files += 1
        for piece in _pieces(path):
            size += len(piece)
            found |= {f"{name} in {path}" for name, each in wanted.items() if any(window in piece for window in each)}
    return SearchResult(files, size, tuple(sorted(found)))


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for root, _, names in os.walk(folder):
            yield from (Path(root) / name for name in names if (Path(root) / name).is_file())


def _pieces(path: Path) -> Iterator[bytes]:
    # Pieces overlap by a window, so that nothing hides on a border.
    try:
        with path.open("rb") as file:
            tail = b""
            while piece := file.read(PIECE):
                yield tail + piece
                tail = piece[-WINDOW:]
    except OSError:
        return  # A file that vanished while it was looked at holds nothing.

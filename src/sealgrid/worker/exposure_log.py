"""Record every byte range that a job exposes to its host, for inspection."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from sealgrid.units import TaskId, to_bytes

HEAD_BYTES = 16


class Exposure(msgspec.Struct, frozen=True):
    """Content that the worker handled in plain sight of its host."""

    what: str
    size: int  #: bytes
    sha256: str
    head: str  #: hex of the first bytes


@dataclass
class ExposureLog:
    """Content that one job exposed, in order of first exposure; each file is listed once."""

    entries: list[Exposure] = field(default_factory=list)

    def record(self, what: str, content: bytes) -> None:
        """Add one entry for ``content``."""
        digest = hashlib.sha256(content).hexdigest()
        self.entries.append(Exposure(what, len(content), digest, content[:HEAD_BYTES].hex()))

    def encode(self) -> bytes:
        """Return the entries as JSON."""
        return msgspec.json.encode(self.entries)


def exposure_file(folder: Path, task: TaskId) -> Path:
    """Return the path of a task's exposure log; raise ValueError for an invalid task id."""
    return folder / f"0x{to_bytes(task, 32).hex()}.json"  # the pool chose the id, so it must not be used as a path

"""What the machine that runs a job gets to see of it: an honest list, kept for whoever asks."""

import hashlib
from dataclasses import dataclass, field

import msgspec

HEAD_BYTES = 16


class Exposure(msgspec.Struct, frozen=True):
    """One thing that passed through the worker's hands."""

    what: str
    size: int  #: bytes
    sha256: str
    head: str  #: hex of the first bytes


@dataclass
class ExposureLog:
    """Everything that one job let this machine see, first sight first; a file is listed once."""

    sights: list[Exposure] = field(default_factory=list)

    def note(self, what: str, content: bytes) -> None:
        """Add what was seen whole."""
        digest = hashlib.sha256(content).hexdigest()
        self.sights.append(Exposure(what, len(content), digest, content[:HEAD_BYTES].hex()))

    def encode(self) -> bytes:
        """Return the list as JSON."""
        return msgspec.json.encode(self.sights)

"""Progress of a long operation: its steps, and a reader that reports how many bytes it has read."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """One step of an operation, with a byte count where there is one."""

    what: str
    done: int = 0  #: bytes
    total: int = 0  #: bytes; 0 for a step without a count
    lasting: bool = False  #: a decision, which stays visible after the operation


Progress = Callable[[ProgressStep], None]  #: possibly called from another thread


def ignore_progress(step: ProgressStep) -> None:
    """Do nothing."""


class CountedReader(io.RawIOBase):
    """A file that reports each read as progress."""

    def __init__(self, source: BinaryIO, what: str, total: int, on_progress: Progress) -> None:
        super().__init__()
        self._source, self._what, self._total, self._on_progress = source, what, total, on_progress
        self._done = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "memoryview | bytearray", /) -> int:  # type: ignore[override]
        """Read into a buffer; return the number of bytes."""
        count = cast("io.BufferedIOBase", self._source).readinto(buffer)
        self._done += count
        self._on_progress(ProgressStep(self._what, self._done, self._total))
        return count

"""What a long operation is doing, for whoever waits."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """One step of an operation, or how far it is in one."""

    what: str
    done: int = 0  #: bytes
    total: int = 0  #: bytes; 0 where nothing is counted
    lasting: bool = False  #: a decision that is shown after the operation too


Progress = Callable[[ProgressStep], None]  #: may be called from another thread


def silent(step: ProgressStep) -> None:
    """Tell nobody."""


class CountedReader(io.RawIOBase):
    """A file whose reader tells how far it is."""

    def __init__(self, source: BinaryIO, what: str, total: int, told: Progress) -> None:
        super().__init__()
        self._source, self._what, self._total, self._told = source, what, total, told
        self._done = 0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: "memoryview | bytearray", /) -> int:  # type: ignore[override]
        """Read into a buffer; return how many bytes."""
        count = cast("io.BufferedIOBase", self._source).readinto(buffer)
        self._done += count
        self._told(ProgressStep(self._what, self._done, self._total))
        return count

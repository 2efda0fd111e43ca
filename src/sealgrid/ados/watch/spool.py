"""A spool: messages of a broker in files, durable before they are acknowledged, read as one growing stream.

The stream is cut into segments, each named after the position of its first byte; segments that nobody needs again are
removed.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice, pairwise
from pathlib import Path
from typing import Final

import msgspec

from sealgrid.ados.watch.stream import StreamRecord, read_record
from sealgrid.errors import DECODE_ERRORS, InputRefused

SEGMENT_BYTES: Final = 16 << 20
BATCH: Final = 2000  #: most messages of one read
RECENT: Final = 1000  #: last messages, which ``recent`` yields


class SpooledMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of a spool."""

    arrived: float  #: Unix seconds
    topic: str
    number: int  #: the broker's, which it repeats when it delivers the message again
    text: str


class MessageSpool:
    """A folder of segments: one process appends to it and reads it. ``position`` is where reading continues."""

    def __init__(self, folder: Path, position: int = 0, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder, self._segment_bytes = folder, segment_bytes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        starts = self._starts()
        self.end = position  #: position after the last whole message
        if starts:
            self._cut_torn_line(self._path(starts[-1]))
            self.end = starts[-1] + self._path(starts[-1]).stat().st_size
        self.position = max(position, starts[0] if starts else position)
        self._counts: dict[int, int] = {}  # messages of segments to which nothing is appended any more

    @property
    def unread(self) -> int:
        """Return how many bytes were appended and not read."""
        return self.end - self.position

    def append(self, messages: Sequence[SpooledMessage]) -> None:
        """Append messages; they survive a crash when this returns. Raises InputRefused if they cannot be written."""
        content = b"".join(msgspec.json.encode(each) + b"\n" for each in messages)
        starts = self._starts()
        last = starts[-1] if starts and self.end - starts[-1] < self._segment_bytes else self.end
        path = self._path(last)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputRefused(f"the spool {path} cannot be written ({error.strerror}).") from error
        self.end += len(content)

    def read(self) -> tuple[StreamRecord, ...]:
        """Return the next records; none if there are no more."""
        records = []
        for position, line in self._lines(self.position):
            self.position = position + len(line) + 1
            records.append(_record(line, position))
            if len(records) == BATCH:
                break
        return tuple(records)

    def recent(self) -> Iterator[SpooledMessage]:
        """Yield the last ``RECENT`` messages, oldest first: over segments, of any size, one in memory at a time."""
        for start, skipped in self._recent_segments():
            with self._path(start).open("rb") as file:
                for line in islice(file, skipped, None):
                    with suppress(*DECODE_ERRORS):
                        yield msgspec.json.decode(line, type=SpooledMessage)

    def remove_before(self, position: int) -> None:
        """Remove the segments that end at or before a position, without those of the messages of ``recent``."""
        starts = self._starts()
        if len(starts) > 1 and starts[1] <= position:
            kept = self._recent_segments()[0][0]
            for start, following in pairwise(starts):
                if following <= position and start < kept:
                    self._path(start).unlink()
                    self._counts.pop(start, None)

    def _recent_segments(self) -> list[tuple[int, int]]:
        """Return the segments of the last ``RECENT`` messages, oldest first, each with how many come before these."""
        found: list[tuple[int, int]] = []
        wanted, starts = RECENT, self._starts()
        while starts and wanted > 0:
            start = starts.pop()
            if (count := self._counts.get(start)) is None:
                with self._path(start).open("rb") as file:
                    count = sum(1 for _ in file)
                if found:
                    self._counts[start] = count
            found.append((start, max(count - wanted, 0)))
            wanted -= count
        return found[::-1]

    def _lines(self, position: int) -> Iterator[tuple[int, bytes]]:
        starts = self._starts()
        for start, following in pairwise([*starts, self.end]):
            if following <= position:
                continue
            with self._path(start).open("rb") as file:
                file.seek(max(position - start, 0))
                at = max(position, start)
                for line in file:
                    yield at, line[:-1]
                    at += len(line)

    def _starts(self) -> list[int]:
        return sorted(int(each.stem) for each in self._folder.glob("*.jsonl"))

    def _path(self, start: int) -> Path:
        return self._folder / f"{start}.jsonl"

    @staticmethod
    def _cut_torn_line(path: Path) -> None:
        """Remove a last line that a crash left without its end: its message was not acknowledged."""
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            with path.open("r+b") as file:
                file.truncate(whole)


def _record(line: bytes, position: int) -> StreamRecord:
    end = position + len(line) + 1
    try:
        spooled = msgspec.json.decode(line, type=SpooledMessage)
    except DECODE_ERRORS:
        return StreamRecord(position, end, refused="it is not a message of a spool.")
    return read_record(spooled.text.encode(), "", position, end=end, arrival=spooled.arrived)

"""Which windows of a stream are due, late or done: a pure state machine. Events in, windows to submit out.

Time is divided into windows of equal length since 1970. A window is due once the stream has come past its end, the
windows after it on which its scores depend, and a time of grace. Windows are submitted in ascending order, each at most
once, and only windows that have a reading.

- The stream's time is the newest arrival that was read, never later than now; once the source is drained it is now.
  So an old file is replayed by its own times, and a clock that is ahead makes nothing due.
- A reading of a window that was submitted or passed is *late*: counted, and dropped.
- A reading from the future is *misdated*: counted, and dropped.
- With signatures, only readings that a signature covers count, and of a window that a station signed twice the first.
- The source is not read while ``is_full``: too many readings are kept, or too many windows are open. If readings are
  too many, windows become due by the clock alone, and what is read afterwards may be late.

After a restart the stream is read again from the checkpoint's position. Readings before ``read_to`` are then context
for the windows to come, and not late.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from sealgrid.ados.watch.stream import StationSignature, StreamRecord
from sealgrid.shipped_apps.ados.quality.messages import ReadingMessage

MAX_AHEAD: Final = 60.0  #: seconds that a reading may be dated after now


@dataclass(frozen=True, slots=True)
class ScheduleTerms:
    """How a stream is divided, and how much of it is kept."""

    interval: int  #: seconds between two readings of a sensor
    rows: int  #: of a window
    before: int  #: windows before a window that are submitted with it
    after: int  #: windows after it that are awaited and submitted with it
    grace: float  #: seconds from the end of the last of these until the window is due
    signed: bool = False  #: only signed readings count
    most_readings: int = 1_000_000  #: kept in memory
    most_open: int = 16  #: windows that were submitted and have not ended

    @property
    def length(self) -> int:
        """Return the seconds of a window."""
        return self.interval * self.rows

    def window_of(self, time: float) -> int:
        """Return the window of a reading: that of its slot, as the app rounds."""
        return math.floor(time / self.interval + 0.5) // self.rows

    def due_at(self, window: int) -> float:
        """Return the time of the stream from which a window is due."""
        return (window + 1 + self.after) * self.length + self.grace


class ScheduleCheckpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a stream continues after a restart."""

    next_window: int  #: the first that was neither submitted nor passed
    position: int = 0  #: from which the stream is read again
    read_to: int = 0  #: readings before this position are no late ones


@dataclass(frozen=True, slots=True)
class RecordsRead:
    """Event: the source had these records at ``now``, Unix seconds; with signatures, only those that hold."""

    records: tuple[StreamRecord, ...]
    now: float


@dataclass(frozen=True, slots=True)
class SourceDrained:
    """Event: the source has no more at ``now``, or is not read because too many readings are kept."""

    now: float


@dataclass(frozen=True, slots=True)
class WindowEnded:
    """Event: a submitted window has an answer, or was given up."""

    window: int


ScheduleEvent = RecordsRead | SourceDrained | WindowEnded


@dataclass(frozen=True, slots=True)
class SubmitWindow:
    """Effect: store this window with its checkpoint, then buy its run."""

    window: int
    readings: tuple[ReadingMessage, ...]  #: of the window, and of those before and after, in the stream's order
    signatures: tuple[StationSignature, ...]  #: of the same windows
    checkpoint: ScheduleCheckpoint


@dataclass(slots=True)
class _Entry:
    """A kept record's part in one window."""

    position: int
    readings: list[ReadingMessage] = field(default_factory=list)
    signatures: list[StationSignature] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.readings) + len(self.signatures)


class WindowSchedule:
    """The state of one stream."""

    def __init__(self, terms: ScheduleTerms, checkpoint: ScheduleCheckpoint, open_windows: Iterable[int] = ()) -> None:
        self.terms = terms
        self.counts: Counter[str] = Counter()  #: late, misdated, unsigned, repeated, refused
        self._next, self._read_to = checkpoint.next_window, checkpoint.read_to
        self._resumed_at = checkpoint.read_to  # before it, readings of passed windows are context
        self._open = set(open_windows)
        self._windows: dict[int, list[_Entry]] = {}
        self._time = -math.inf
        self._kept = 0

    @property
    def kept(self) -> int:
        """Return how many readings and signatures are in memory."""
        return self._kept

    @property
    def has_many_readings(self) -> bool:
        """Return whether no more readings are kept."""
        return self.kept >= self.terms.most_readings

    @property
    def is_full(self) -> bool:
        """Return whether the source must not be read now."""
        return self.has_many_readings or len(self._open) >= self.terms.most_open

    @property
    def next_window(self) -> int:
        """Return the first window that was neither submitted nor passed."""
        return self._next

    def handle(self, event: ScheduleEvent) -> tuple[SubmitWindow, ...]:
        """Apply an event; return the windows that are due, in order."""
        match event:
            case RecordsRead(records, now):
                for record in records:
                    self._keep(record, now)
            case SourceDrained(now):
                self._time = max(self._time, now)
            case WindowEnded(window):
                self._open.discard(window)
        return tuple(self._submit_due())

    def _keep(self, record: StreamRecord, now: float) -> None:
        self._read_to = max(self._read_to, record.end)
        if record.refused:
            self.counts["refused"] += 1
        signatures = self._by_window(record)
        parts: dict[int, _Entry] = {}
        for reading in record.readings:
            self._time = max(self._time, _stream_time(reading, now))
            window = self.terms.window_of(reading.time)
            if reason := self._drop_reason(reading, window, record, signatures, now):
                self.counts[reason] += 1
                continue
            parts.setdefault(window, _Entry(record.position)).readings.append(reading)
        for (window, _), signature in signatures.items():
            if window in parts:  # a signature without readings says nothing that a run could use
                parts[window].signatures.append(signature)
        for window, entry in parts.items():
            self._windows.setdefault(window, []).append(entry)
            self._kept += entry.size

    def _by_window(self, record: StreamRecord) -> dict[tuple[int, str], StationSignature]:
        """Return the signatures of whole windows by window and sensor, without those that came before."""
        if not self.terms.signed:
            return {}
        length = self.terms.length
        found: dict[tuple[int, str], StationSignature] = {}
        for each in record.signatures:
            key = (each.start // length, each.sensor)
            is_window = each.start % length == 0 and each.end == each.start + length
            if is_window and each.interval == self.terms.interval and not self._is_signed(*key):
                found.setdefault(key, each)
        return found

    def _is_signed(self, window: int, sensor: str) -> bool:
        return any(each.sensor == sensor for entry in self._windows.get(window, ()) for each in entry.signatures)

    def _drop_reason(
        self,
        reading: ReadingMessage,
        window: int,
        record: StreamRecord,
        signatures: dict[tuple[int, str], StationSignature],
        now: float,
    ) -> str:
        """Return why a reading does not count; empty for one that does."""
        if reading.time > now + MAX_AHEAD:
            return "misdated"
        if window < self._next and (record.position >= self._resumed_at or window < self._next - self.terms.before):
            return "late" if record.position >= self._resumed_at else "replayed"
        if self.terms.signed and (window, reading.sensor) not in signatures:
            return "repeated" if self._is_signed(window, reading.sensor) else "unsigned"
        return ""

    def _submit_due(self) -> Iterable[SubmitWindow]:
        terms = self.terms
        while terms.due_at(self._next) <= self._time:
            if not any(window >= self._next for window in self._windows):  # nothing to submit: pass all at once
                self._next = self._last_due() + 1
                self._release()
                return
            if not self._windows.get(self._next):
                self._next += 1
                self._release()
                continue
            if len(self._open) >= terms.most_open:
                return
            window, kept = self._next, self._selected(self._next)
            self._next += 1
            self._open.add(window)
            self._release()
            yield SubmitWindow(
                window,
                tuple(reading for entry in kept for reading in entry.readings),
                tuple(signature for entry in kept for signature in entry.signatures),
                self.checkpoint(),
            )

    def checkpoint(self) -> ScheduleCheckpoint:
        """Return where the stream continues after a restart now."""
        kept = [entry.position for entries in self._windows.values() for entry in entries]
        return ScheduleCheckpoint(
            next_window=self._next, position=min(kept, default=self._read_to), read_to=self._read_to
        )

    def _last_due(self) -> int:
        return math.floor((self._time - self.terms.grace) / self.terms.length) - 1 - self.terms.after

    def _selected(self, window: int) -> list[_Entry]:
        chosen = range(window - self.terms.before, window + self.terms.after + 1)
        entries = [entry for each in chosen for entry in self._windows.get(each, ())]
        return sorted(entries, key=lambda entry: entry.position)

    def _release(self) -> None:
        """Forget the windows that no later one needs."""
        for window in [each for each in self._windows if each < self._next - self.terms.before]:
            self._kept -= sum(entry.size for entry in self._windows.pop(window))


def _stream_time(reading: ReadingMessage, now: float) -> float:
    """Return the time to which a reading brings its stream: its arrival, or its own time where that is unknown."""
    time = reading.time if math.isnan(reading.received) else reading.received
    return -math.inf if max(time, reading.time) > now + MAX_AHEAD else min(time, now)

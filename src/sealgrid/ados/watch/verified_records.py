"""Leaves out of a stream's records what a feed's stations did not sign, before the first signature of a window counts.

Who can write to the stream could else put a line of his own in the place of a station's window.
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from sealgrid.ados.watch.run_file import FeedRosterDocument, is_signed
from sealgrid.ados.watch.schedule import ScheduleTerms
from sealgrid.ados.watch.stream import StationSignature, StreamRecord
from sealgrid.shipped_apps.ados.quality.messages import ReadingMessage

ROSTER_SECONDS: Final = 60.0  #: between two readings of the roster on account of signatures that do not fit it


class RecordVerifier:
    """Verifies with the roster that ``read_roster`` returns; ``clock`` returns seconds."""

    def __init__(
        self,
        terms: ScheduleTerms,
        read_roster: Callable[[], Awaitable[FeedRosterDocument | None]],
        clock: Callable[[], float],
    ) -> None:
        self._terms, self._read_roster, self._clock = terms, read_roster, clock
        self._roster: FeedRosterDocument | None = None
        self._read_at = -math.inf

    async def verify(self, records: Sequence[StreamRecord]) -> tuple[StreamRecord, ...]:
        """Return the records without signatures that do not hold.

        The roster is read anew for a signature that does not fit it: its station may just have been registered.
        """
        verified = await asyncio.to_thread(self._verified, records)
        has_dropped = any(
            len(one.signatures) < len(each.signatures) for one, each in zip(verified, records, strict=True)
        )
        now = self._clock()
        if has_dropped and not 0 <= now - self._read_at < ROSTER_SECONDS:
            self._roster, self._read_at = await self._read_roster(), now
            verified = await asyncio.to_thread(self._verified, records)
        return verified

    def _verified(self, records: Sequence[StreamRecord]) -> tuple[StreamRecord, ...]:
        return tuple(replace(each, signatures=self._held(each)) if each.signatures else each for each in records)

    def _held(self, record: StreamRecord) -> tuple[StationSignature, ...]:
        """Return a record's signatures that hold; of a window and sensor only the first is tried."""
        readings: dict[tuple[int, str], list[ReadingMessage]] = defaultdict(list)
        for each in record.readings:
            readings[self._terms.window_of(each.time), each.sensor].append(each)
        first: dict[tuple[int, str], StationSignature] = {}
        for signature in record.signatures:
            first.setdefault((signature.start // self._terms.length, signature.sensor), signature)
        return tuple(
            each for key, each in first.items() if key in readings and is_signed(each, readings[key], self._roster)
        )

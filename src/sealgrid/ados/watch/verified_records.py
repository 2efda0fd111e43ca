"""Leaves out of a stream's records what a feed's stations did not sign, before the first signature of a window counts.

Who can write to the stream could else put a line of his own in the place of a station's window.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from sealgrid.ados.watch.run_file import FeedRosterDocument, is_signed
from sealgrid.ados.watch.schedule import ScheduleTerms
from sealgrid.ados.watch.stream import StationSignature, StreamRecord

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
        found = []
        for record in records:
            held = [each for each in record.signatures if await self._holds(record, each)]
            found.append(replace(record, signatures=tuple(held)))
        return tuple(found)

    async def _holds(self, record: StreamRecord, signature: StationSignature) -> bool:
        key = (signature.start // self._terms.length, signature.sensor)
        signed = [each for each in record.readings if (self._terms.window_of(each.time), each.sensor) == key]
        if is_signed(signature, signed, self._roster):
            return True
        now = self._clock()
        if 0 <= now - self._read_at < ROSTER_SECONDS:
            return False
        self._roster, self._read_at = await self._read_roster(), now
        return is_signed(signature, signed, self._roster)

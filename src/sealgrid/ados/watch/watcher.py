"""Runs a watch: reads the source, stores each due window, buys its run, and stores how it ended."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

from sealgrid.ados.watch.buyer import RunBuyer
from sealgrid.ados.watch.journal import WatchJournal, WindowRecord
from sealgrid.ados.watch.run_file import run_file
from sealgrid.ados.watch.schedule import RecordsRead, SourceDrained, SubmitWindow, WindowEnded, WindowSchedule
from sealgrid.ados.watch.stream import StreamRecord
from sealgrid.ados.watch.verified_records import RecordVerifier

POLL_SECONDS: Final = 1.0
AT_ONCE: Final = 2  #: purchases at one time


class RecordSource(Protocol):
    """Where records come from."""

    def read(self) -> tuple[StreamRecord, ...]:
        """Return the next records; none if there are no more now."""


class Watcher:
    """One stream, its journal and its purchases. ``clock`` returns Unix seconds; ``report`` takes lines for people."""

    def __init__(
        self,
        source: RecordSource,
        schedule: WindowSchedule,
        journal: WatchJournal,
        buyer: RunBuyer,
        *,
        clock: Callable[[], float],
        report: Callable[[str], None] = lambda line: None,
        at_once: int = AT_ONCE,
    ) -> None:
        self._source, self._schedule, self._journal, self._buyer = source, schedule, journal, buyer
        self._clock, self._report = clock, report
        self._verifier = RecordVerifier(schedule.terms, buyer.roster, clock)
        self._turns = asyncio.Semaphore(at_once)
        self.failures = 0  #: windows that failed or were refused in this run
        self._purchases: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._ended: list[int] = []
        self._reported: Counter[str] = Counter()

    async def run(self, *, once: bool = False) -> None:
        """Follow the source until cancelled; with ``once`` until it has no more and every window has ended."""
        for record in list(self._journal.windows()):
            if record.state == "due":
                self._start(record)
        try:
            while True:
                self._wake.clear()
                is_drained = await self.step()
                if once and is_drained and not self._purchases and not self._ended:
                    return
                for task in [each for each in self._purchases.values() if each.done()]:
                    task.result()  # raises what no window can be blamed for, such as a full disk
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):  # Python 3.11's wait_for can lose a cancellation
                        await self._wake.wait()
        finally:
            for task in self._purchases.values():
                task.cancel()
            await asyncio.gather(*self._purchases.values(), return_exceptions=True)

    async def step(self) -> bool:
        """Read what the source has, as far as there is room, and submit what is due; return whether it has no more."""
        while self._ended:
            await self._submit(self._schedule.handle(WindowEnded(self._ended.pop())))
        while not self._schedule.is_full:
            records = self._source.read()
            if not records:
                await self._submit(self._schedule.handle(SourceDrained(self._clock())))
                self._report_counts()
                return True
            if self._schedule.terms.signed:
                records = await self._verifier.verify(records)
            await self._submit(self._schedule.handle(RecordsRead(records, self._clock())))
        if self._schedule.has_many_readings:
            await self._submit(self._schedule.handle(SourceDrained(self._clock())))
        self._report_counts()
        return False

    async def _submit(self, windows: tuple[SubmitWindow, ...]) -> None:
        for each in windows:
            terms = self._schedule.terms
            roster = await self._buyer.roster()
            file = run_file(each, terms, roster)
            start = each.window * terms.length
            record = WindowRecord(
                window=each.window,
                start=start,
                end=start + terms.length,
                stations=file.stations,
                dropped_signatures=file.dropped,
            )
            if roster is not None and not file.stations:
                record = msgspec.structs.replace(record, state="unsigned", reason="no station of the feed signed it.")
            self._journal.store(record, file, each.checkpoint)
            if record.state == "due":
                self._start(record)
            else:
                self._end(record)

    def _start(self, record: WindowRecord) -> None:
        if record.window not in self._purchases:
            task = self._purchases[record.window] = asyncio.create_task(self._buy(record))
            task.add_done_callback(lambda _: self._wake.set())

    async def _buy(self, record: WindowRecord) -> None:
        async with self._turns:
            ended = await self._buyer.buy(record, self._journal)
        self._end(ended)
        del self._purchases[record.window]

    def _end(self, record: WindowRecord) -> None:
        self._journal.update(record)
        self._ended.append(record.window)
        self.failures += record.state in {"failed", "refused"}
        start = datetime.fromtimestamp(record.start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._report(f"{start}  {record.state}{f': {record.reason}' if record.reason else ''}")

    def _report_counts(self) -> None:
        counts = self._schedule.counts
        for name in ("late", "misdated", "refused", "repeated", "unsigned"):
            if counts[name] > self._reported[name]:
                self._report(f"{counts[name]} {name} {'lines' if name == 'refused' else 'readings'} so far")
        self._reported = Counter(counts)

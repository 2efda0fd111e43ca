"""The round that a run reports to a feed: one window of one station, and the callback data for DataFeed."""

from dataclasses import dataclass

import numpy as np

from .errors import ReadingsRefused
from .grid import GriddedReadings
from .score import MISSING, NONE, REASONS, ROWS_AFTER, Scores
from .signatures import WindowStatement
from .signed_file import VerifiedReadings

VERSION = 1  #: of the callback data
MAX_INDEX = 2**32 - 1


@dataclass(frozen=True)
class TaskOfDeal:
    """The task that a run is, for the contract to recognise it."""

    deal: bytes
    index: int


@dataclass(frozen=True)
class RoundChoice:
    """What the requester asked for; None for the default."""

    sensor: str | None
    start: int | None  #: Unix seconds


@dataclass(frozen=True)
class FeedRound:
    """The quality of one station's window."""

    statement: WindowStatement  #: signed by the station
    station: bytes  #: address, 20 bytes
    roster: bytes
    dqf: int
    reason: int  #: number in ``REASONS``

    def callback_data(self, task: TaskOfDeal) -> bytes:
        """Return the 128 bytes that the contract reads (docs/protocol/feed.md)."""
        if task.index > MAX_INDEX:
            raise ReadingsRefused("the deal has too many tasks for a feed.")
        window = self.statement.start // (self.statement.end - self.statement.start)
        word = (
            bytes([VERSION])
            + task.index.to_bytes(4, "big")
            + self.station
            + window.to_bytes(5, "big")
            + bytes([self.dqf, self.reason])
        )
        return task.deal + self.statement.digest() + self.roster + word

    def document(self) -> dict[str, object]:
        """Return what the result says about the round."""
        return {
            "sensor": self.statement.sensor,
            "station": "0x" + self.station.hex(),
            "start": self.statement.start,
            "end": self.statement.end,
            "dqf": self.dqf,
            "reason": REASONS[self.reason],
            "signed": "0x" + self.statement.digest().hex(),
            "roster": "0x" + self.roster.hex(),
        }


def feed_round(
    verified: VerifiedReadings, gridded: GriddedReadings, scores: Scores, choice: RoundChoice, index: int
) -> FeedRound:
    """Return the round of one signed window; raise ReadingsRefused if the file has none as it was asked for.

    Task ``index`` of a deal reports the signed sensor of that number, in the model's order and from 0 again after the
    last, so a deal with a task for each station reports all of them. The window is the last one that is followed by the
    rows on which scores depend, else the last one. A row of the window without a reading counts as 0.
    """
    statement = _chosen(verified, gridded, choice, index)
    readings = gridded.readings
    column = readings.sensors.index(statement.sensor)
    first = statement.start // readings.interval - readings.first_slot
    rows = (statement.end - statement.start) // readings.interval
    inside = slice(max(first, 0), max(min(first + rows, readings.rows), 0))
    dqf, reasons = scores.dqf[inside, column], scores.reasons[inside, column]
    faulty = np.bincount(reasons, minlength=len(REASONS))
    faulty[NONE] = 0
    faulty[MISSING] += rows - len(dqf)
    reason = int(faulty.argmax()) if faulty.any() else NONE
    station = verified.roster.stations()[statement.sensor]
    return FeedRound(statement, station, verified.roster.digest(), int(dqf.sum()) // rows, reason)


def _chosen(verified: VerifiedReadings, gridded: GriddedReadings, choice: RoundChoice, index: int) -> WindowStatement:
    readings = gridded.readings
    signed = [each for each in verified.windows if each.sensor in readings.sensors]
    if choice.start is not None:
        signed = [each for each in signed if each.start == choice.start]
    names = [name for name in readings.sensors if any(each.sensor == name for each in signed)]
    if choice.sensor is not None:
        names = [name for name in names if name == choice.sensor]
    if not names:
        raise ReadingsRefused("no station of the model signed the window that --station and --start name.")
    own = sorted((each for each in signed if each.sensor == names[index % len(names)]), key=lambda each: each.start)
    last = (readings.first_slot + readings.rows - ROWS_AFTER) * readings.interval
    settled = [each for each in own if each.end <= last]
    return (settled or own)[-1]

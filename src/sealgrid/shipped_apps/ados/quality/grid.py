"""Puts messages into the slots of a model's sensors."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from .errors import ReadingsRefused
from .messages import Messages
from .readings import Booleans, Frame, Integers, Readings, to_micro

MAX_ROWS = 500_000
MAX_CELLS = 4_000_000  #: rows of all sensors; scoring takes up to 1 kB for each
MAX_DELAY = 10**9  #: seconds
_FAR = 86_400  #: seconds between readings and others that may be misdated
_FEW = 100  #: misdated readings are less than one in so many


@dataclass(frozen=True)
class GriddedReadings:
    """Readings of a model's sensors, and the frame that they fill."""

    readings: Readings
    frame: Frame


class SlotGrid:
    """The slots of a model's sensors. Messages may come in several parts: first ``survey`` all, then ``fill`` all."""

    def __init__(self, sensors: tuple[str, ...], interval: int) -> None:
        self._sensors, self._interval = sensors, interval
        self._places = {name: number for number, name in enumerate(sensors)}
        self._names: dict[str, None] = {}  # of the file's sensors, in its order
        self._counts: Counter[int] = Counter()  # readings of known sensors by slot
        self._dated = np.zeros(0, dtype=np.int64)  # slots that count, ascending

    def survey(self, messages: Messages) -> None:
        """Count the readings of each slot."""
        self._names |= dict.fromkeys(messages.sensors)
        _, slots = self._known(messages)
        for slot, count in zip(*(each.tolist() for each in np.unique(slots, return_counts=True)), strict=True):
            self._counts[slot] += count

    def frame(self, most_rows: int, most_cells: int) -> Frame:
        """Return the frame from the first to the last slot with a reading; raise ReadingsRefused as ``to_grid``."""
        if not self._counts:
            raise ReadingsRefused(
                f"no sensor of the file is the model's: the model has {self._sensors[0]!r}, the file "
                f"{next(iter(self._names))!r}."
            )
        slots = np.array(sorted(self._counts), dtype=np.int64)
        counts = np.array([self._counts[slot] for slot in slots.tolist()], dtype=np.int64)
        misdated = _misdated(slots, counts, self._interval)
        self._dated = slots[~misdated]
        rows = int(self._dated[-1] - self._dated[0]) + 1
        if rows > most_rows or rows * len(self._sensors) > most_cells:
            raise ReadingsRefused(f"the readings span {rows} intervals of {self._interval} s; split the file.")
        unknown = tuple(sorted(name for name in self._names if name not in self._places))
        return Frame(self._sensors, self._interval, int(self._dated[0]), rows, unknown, int(counts[misdated].sum()))

    def fill(self, readings: Readings, messages: Messages) -> None:
        """Put messages into the arrays of ``readings``, which has the frame; those of earlier parts came first."""
        known, slots = self._known(messages)
        columns = self._columns(messages)[known]
        dated = self._dated[np.minimum(np.searchsorted(self._dated, slots), len(self._dated) - 1)] == slots
        measured = messages.values[known]
        chosen = dated & ~np.isnan(measured)
        places = (slots[chosen] - readings.first_slot) * len(self._sensors) + columns[chosen]
        cells, earliest, count = np.unique(places, return_index=True, return_counts=True)
        values, present, delays, copies = (
            each.reshape(-1) for each in (readings.values, readings.present, readings.delays, readings.copies)
        )
        fresh = ~present[cells]
        copies[cells] += (count - fresh).astype(copies.dtype)
        cells, earliest = cells[fresh], earliest[fresh]
        largest = np.finfo(float).max
        values[cells] = to_micro(np.nan_to_num(measured[chosen][earliest], posinf=largest, neginf=-largest))
        present[cells] = True
        late = np.abs(messages.received - messages.times)[known][chosen][earliest]
        delays[cells] = np.rint(np.minimum(np.nan_to_num(late), MAX_DELAY)).astype(delays.dtype)

    def _columns(self, messages: Messages) -> Integers:
        """Return the number of each message's sensor in the model, -1 for one that it does not have."""
        columns: Integers = np.array([self._places.get(name, -1) for name in messages.sensors], dtype=np.int64)[
            messages.numbers
        ]
        return columns

    def _known(self, messages: Messages) -> tuple[Booleans, Integers]:
        """Return which messages are of known sensors, and the slots of these."""
        known: Booleans = self._columns(messages) >= 0
        return known, np.floor(messages.times[known] / self._interval + 0.5).astype(np.int64)


def to_grid(messages: Messages, sensors: tuple[str, ...], interval: int) -> GriddedReadings:
    """Return the readings in slots of ``interval`` seconds, from the first to the last one with a reading.

    A reading belongs to the slot nearest to its time; the file's first reading of a slot counts, further ones are its
    copies. Raises ReadingsRefused if no sensor is the model's, and for more than ``MAX_ROWS`` slots.
    """
    grid = SlotGrid(sensors, interval)
    grid.survey(messages)
    frame = grid.frame(MAX_ROWS, MAX_CELLS)
    shape = (frame.rows, len(sensors))
    readings = Readings(
        sensors=sensors,
        interval=interval,
        first_slot=frame.first_slot,
        values=np.zeros(shape, dtype=np.int64),
        present=np.zeros(shape, dtype=np.bool_),
        delays=np.zeros(shape, dtype=np.int64),
        copies=np.zeros(shape, dtype=np.int64),
    )
    grid.fill(readings, messages)
    return GriddedReadings(readings, frame)


def _misdated(slots: Integers, counts: Integers, interval: int) -> Booleans:
    """Return which slots, ascending, have readings far from all others in time; none if they are not few altogether."""
    gap = np.diff(slots) * interval > _FAR
    groups = np.concatenate([[0], np.cumsum(gap)])
    sizes, total = np.bincount(groups, weights=counts), counts.sum()
    few: Booleans = (sizes * _FEW < total)[groups]
    return few if counts[few].sum() * _FEW < total else np.zeros_like(few)

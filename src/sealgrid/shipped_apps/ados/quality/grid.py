"""Puts messages into the slots of a model's sensors."""

from dataclasses import dataclass

import numpy as np

from .errors import ReadingsRefused
from .messages import Messages
from .readings import Readings, to_micro

MAX_ROWS = 500_000
MAX_CELLS = 4_000_000  #: rows of all sensors; scoring takes up to 1 kB for each
MAX_DELAY = 10**9  #: seconds
_FAR = 86_400  #: seconds between readings and others that may be misdated
_FEW = 100  #: misdated readings are less than one in so many


@dataclass(frozen=True)
class GriddedReadings:
    """Readings of a model's sensors, and what of the file is not among them."""

    readings: Readings
    unknown_sensors: tuple[str, ...]  #: of the file, that the model does not have
    misdated: int  #: readings whose time is more than a day from all others, a clock that jumped


def to_grid(messages: Messages, sensors: tuple[str, ...], interval: int) -> GriddedReadings:
    """Return the readings in slots of ``interval`` seconds, from the first to the last one with a reading.

    A reading belongs to the slot nearest to its time; the file's first reading of a slot counts, further ones are its
    copies. Raises ReadingsRefused if no sensor is the model's, and for more than ``MAX_ROWS`` slots.
    """
    places = {name: number for number, name in enumerate(sensors)}
    number_of = np.array([places.get(name, -1) for name in messages.sensors], dtype=np.int64)
    columns = number_of[messages.numbers]
    if not (columns >= 0).any():
        raise ReadingsRefused(
            f"no sensor of the file is the model's: the model has {sensors[0]!r}, the file {messages.sensors[0]!r}."
        )
    slots = np.floor(messages.times / interval + 0.5).astype(np.int64)
    known = columns >= 0
    dated = np.zeros(len(slots), dtype=np.bool_)
    dated[known] = ~_misdated(slots[known], interval)
    first, last = int(slots[dated].min()), int(slots[dated].max())
    rows = last - first + 1
    if rows > MAX_ROWS or rows * len(sensors) > MAX_CELLS:
        raise ReadingsRefused(f"the readings span {rows} intervals of {interval} s; split the file.")
    chosen = dated & ~np.isnan(messages.values)
    shape = (rows, len(sensors))
    cells = (slots[chosen] - first) * len(sensors) + columns[chosen]
    cells, earliest, count = np.unique(cells, return_index=True, return_counts=True)
    values, present, delays, copies = (np.zeros(rows * len(sensors), dtype=np.int64) for _ in range(4))
    finite = np.nan_to_num(messages.values[chosen][earliest], posinf=np.finfo(float).max, neginf=np.finfo(float).min)
    values[cells] = to_micro(finite)
    present[cells] = 1
    late = np.abs(messages.received - messages.times)[chosen][earliest]
    delays[cells] = np.rint(np.minimum(np.nan_to_num(late), MAX_DELAY)).astype(np.int64)
    copies[cells] = count - 1
    readings = Readings(
        sensors=sensors,
        interval=interval,
        first_slot=first,
        values=values.reshape(shape),
        present=present.reshape(shape).astype(np.bool_),
        delays=delays.reshape(shape),
        copies=copies.reshape(shape),
    )
    unknown = tuple(sorted(name for name in messages.sensors if name not in places))
    return GriddedReadings(readings, unknown, int((known & ~dated).sum()))


def _misdated(slots: np.ndarray, interval: int) -> np.ndarray:
    """Return which readings are far from all others in time; none if they are not few altogether."""
    ordered = np.unique(slots)
    gap = np.diff(ordered) * interval > _FAR
    group_of = np.concatenate([[0], np.cumsum(gap)])
    groups = group_of[np.searchsorted(ordered, slots)]
    sizes = np.bincount(groups)
    few: np.ndarray = (sizes * _FEW < sizes.sum())[groups]
    return few if few.sum() * _FEW < len(few) else np.zeros_like(few)

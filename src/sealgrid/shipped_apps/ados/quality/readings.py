"""Readings of sensors on a regular grid of time slots, as exact integers."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
SmallIntegers = NDArray[np.integer[Any]]  #: of any width
Booleans = NDArray[np.bool_]

MICRO = 1_000_000  #: units of a stored value in one unit of measurement
MAX_VALUE = 10**12  #: of a measurement; a larger one counts as this one


@dataclass(frozen=True)
class Frame:
    """What of a file is scored: sensors times slots; and what of it is not."""

    sensors: tuple[str, ...]
    interval: int  #: seconds between two slots
    first_slot: int
    rows: int
    unknown_sensors: tuple[str, ...] = ()  #: of the file, that the model does not have
    misdated: int = 0  #: readings whose time is more than a day from all others, a clock that jumped


@dataclass(frozen=True)
class Readings:
    """Readings of N sensors in R slots; every array has the shape [R, N], and may have a shorter type."""

    sensors: tuple[str, ...]
    interval: int  #: seconds between two slots
    first_slot: int  #: Unix seconds of the first row, divided by ``interval``
    values: Integers  #: millionths of a unit; 0 where no reading is present
    present: Booleans
    delays: Integers  #: seconds from the time of a reading until it was received; 0 where the file has no such time
    copies: Integers  #: how many further readings came for the same slot

    @property
    def rows(self) -> int:
        """Return the number of slots."""
        return len(self.values)

    def between(self, first: int, end: int) -> "Readings":
        """Return the rows from ``first`` on, without ``end``."""
        return replace(
            self,
            first_slot=self.first_slot + first,
            values=self.values[first:end],
            present=self.present[first:end],
            delays=self.delays[first:end],
            copies=self.copies[first:end],
        )


def to_micro(values: NDArray[np.float64]) -> Integers:
    """Return finite measurements as millionths, rounded half to even; ``MAX_VALUE`` bounds them."""
    bounded = np.clip(values, -float(MAX_VALUE), float(MAX_VALUE))
    micro: Integers = np.rint(bounded * MICRO).astype(np.int64)
    return micro

"""The result of a measurement: samples, and the number that the table shows."""

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec

Temperature = Literal["cold", "warm", ""]
Shown = Literal["median", "p95", "max"]


class NotMeasured(Exception):
    """A figure cannot be measured here; the message says why in one line."""


def percentile(samples: Sequence[float], per_cent: float) -> float:
    """Return the nearest-rank percentile: a sample that really occurred."""
    return sorted(samples)[max(0, math.ceil(len(samples) * per_cent / 100) - 1)]


_SHOW: Final[dict[Shown, Callable[[Sequence[float]], float]]] = {
    "median": statistics.median,
    "p95": lambda samples: percentile(samples, 95),
    "max": max,
}


class Target(msgspec.Struct, frozen=True):
    """What a value should be."""

    sign: Literal["≤", "≥"]
    limit: float

    def met(self, value: float) -> bool:
        """Tell whether a value keeps it."""
        return value <= self.limit if self.sign == "≤" else value >= self.limit


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table."""

    label: str
    unit: str
    samples: tuple[float, ...]
    shown: Shown = "median"
    temperature: Temperature = ""
    target: Target | None = None
    calibration: str = ""  #: what the machine managed in the same run, beside an absolute target

    @property
    def value(self) -> float:
        """Return the number that is shown; raise NotMeasured without samples."""
        if not self.samples:
            raise NotMeasured(f"{self.label}: no samples")
        return _SHOW[self.shown](self.samples)


class Figure(msgspec.Struct, frozen=True):
    """One measurement."""

    name: str
    rows: tuple[Row, ...] = ()
    note: str = ""  #: why it was not measured, or what to know about it

    @property
    def measured(self) -> bool:
        """Tell whether every row has samples; a figure without rows has none."""
        return bool(self.rows) and all(row.samples for row in self.rows)

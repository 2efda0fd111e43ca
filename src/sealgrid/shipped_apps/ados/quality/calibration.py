"""What calibration on clean readings fixed for each sensor: normalisation, thresholds, bounds of the rules."""

from dataclasses import dataclass, fields

import numpy as np

from .errors import ReadingsRefused
from .fixed_point import BITS
from .readings import Integers

MAX_RUN = 12  #: longest run of equal readings that counts as stuck only when it is complete
MAX_NORMALISED = 64  #: bound of a normalised reading
MAX_MICRO = 10**18  #: bound of a value in millionths
MAX_SECONDS = 10**9
_PRECISION = 30  #: bits of a divisor


@dataclass(frozen=True)
class Calibration:
    """One entry a sensor; values are in millionths of a unit, residuals have 16 fractional bits."""

    centre: Integers  #: mean
    scale: Integers  #: standard deviation, at least 1
    lowest: Integers  #: range of the clean readings
    highest: Integers
    largest_step: Integers  #: between two rows, at least 1
    shortest_run: (
        Integers  #: equal readings in a row that are stuck; ``MAX_RUN`` + 1 for a sensor that often repeats itself
    )
    longest_delay: Integers  #: seconds until a reading is late
    own_median: Integers  #: of the residuals of estimates with the sensor's own past
    own_threshold: Integers  #: of these residuals' distance to their median, at least 1
    neighbour_median: Integers  #: the same of estimates without it
    neighbour_threshold: Integers

    def __post_init__(self) -> None:
        """Raise ReadingsRefused for entries out of their bounds, or not one for each sensor."""
        for each in fields(self):
            entries: Integers = getattr(self, each.name)
            if entries.shape != self.centre.shape:
                raise ReadingsRefused(f"the model's calibration does not have one {each.name} for each sensor.")
            low, high = _BOUNDS[each.name]
            if entries.size and not (low <= int(entries.min()) and int(entries.max()) <= high):
                raise ReadingsRefused(f"the model's calibration has a {each.name} outside {low} to {high}.")

    def of(self, sensors: Integers) -> "Calibration":
        """Return the calibration of some sensors, by number."""
        return Calibration(**{each.name: getattr(self, each.name)[sensors] for each in fields(self)})

    def normalise(self, values: Integers) -> Integers:
        """Return values [R, N] in standard deviations from the mean, with 16 fractional bits, bounded."""
        bits = np.array([int(scale).bit_length() for scale in self.scale], dtype=np.int64)
        shift = np.maximum(bits - _PRECISION, 0)
        scale = self.scale >> shift
        distance = (values - self.centre) >> shift
        bounded = np.clip(distance, -MAX_NORMALISED * scale, MAX_NORMALISED * scale)
        normalised: Integers = (bounded << BITS) // scale
        return normalised


_POSITIVE = (1, MAX_MICRO)
_ANY = (-MAX_MICRO, MAX_MICRO)
_RESIDUAL = (-(MAX_NORMALISED << BITS), MAX_NORMALISED << BITS)
_THRESHOLD = (1, MAX_NORMALISED << BITS)
_BOUNDS = {
    "centre": _ANY,
    "scale": _POSITIVE,
    "lowest": _ANY,
    "highest": _ANY,
    "largest_step": _POSITIVE,
    "shortest_run": (2, MAX_RUN + 1),
    "longest_delay": (1, MAX_SECONDS),
    "own_median": _RESIDUAL,
    "own_threshold": _THRESHOLD,
    "neighbour_median": _RESIDUAL,
    "neighbour_threshold": _THRESHOLD,
}

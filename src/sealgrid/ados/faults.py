"""Puts labelled faults into clean readings: what a sensor, its clock or its connection does wrong."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sealgrid.ados.scenario import FAULT_SHARE, FAULTS, GAP, LENGTHS, SEVERITIES
from sealgrid.shipped_apps.ados.quality.readings import MICRO, Booleans, Integers, Readings

ATTEMPTS = 200  #: places that are tried for one fault
MIN_DISPLACEMENT = 0.5  #: of a contextual fault's displacement that must be left inside the station's clean range


@dataclass(frozen=True)
class LabelledReadings:
    """Readings with the number of each one's fault in ``scenario.FAULTS``, -1 for none."""

    readings: Readings
    labels: NDArray[np.int8]

    def is_faulty(self) -> Booleans:
        """Return which readings have a fault."""
        faulty: Booleans = self.labels >= 0
        return faulty


@dataclass
class _Draft:
    """Readings while faults are put in; ``clean`` stays as it was."""

    clean: Integers
    values: Integers
    present: Booleans
    delays: Integers
    copies: Integers
    interval: int


def inject(
    clean: Readings, sigmas: NDArray[np.float64], chance: np.random.Generator, fault: str, severity: int
) -> LabelledReadings:
    """Return readings with faults of one class and severity in ``FAULT_SHARE`` of them."""
    return _inject(clean, sigmas, chance, lambda: (fault, severity))


def inject_mixed(clean: Readings, sigmas: NDArray[np.float64], chance: np.random.Generator) -> LabelledReadings:
    """Return readings with faults of all classes and severities; each class has an equal share of the faulty ones."""
    count = dict.fromkeys(FAULTS, 0)

    def next_fault() -> tuple[str, int]:
        fault = min(FAULTS, key=lambda each: count[each])
        count[fault] += sum(LENGTHS[fault])
        return fault, int(chance.choice(SEVERITIES))

    return _inject(clean, sigmas, chance, next_fault)


def _inject(
    clean: Readings,
    sigmas: NDArray[np.float64],
    chance: np.random.Generator,
    next_fault: Callable[[], tuple[str, int]],
) -> LabelledReadings:
    draft = _Draft(
        clean.values,
        clean.values.copy(),
        clean.present.copy(),
        clean.delays.copy(),
        clean.copies.copy(),
        clean.interval,
    )
    labels = np.full(clean.values.shape, -1, dtype=np.int8)
    wanted = round(FAULT_SHARE * labels.size)
    while int((labels >= 0).sum()) < wanted:
        fault, severity = next_fault()
        place = _place(labels, chance, fault)
        if place is None:
            break
        rows, station = place
        displacement = severity * sigmas[station] * MICRO
        if _CLASSES[fault](draft, rows, station, displacement, severity, chance):
            labels[rows, station] = FAULTS.index(fault)
    readings = replace(clean, values=draft.values, present=draft.present, delays=draft.delays, copies=draft.copies)
    return LabelledReadings(readings, labels)


def _place(labels: NDArray[np.int8], chance: np.random.Generator, fault: str) -> tuple[slice, int] | None:
    """Return rows of a station without a fault in or near them; None where none was found."""
    shortest, longest = LENGTHS[fault]
    for _ in range(ATTEMPTS):
        length = int(chance.integers(shortest, longest + 1))
        station = int(chance.integers(labels.shape[1]))
        start = int(chance.integers(GAP, len(labels) - length - GAP))
        if (labels[start - GAP : start + length + GAP, station] < 0).all():
            return slice(start, start + length), station
    return None


def _point(draft: _Draft, rows: slice, station: int, size: float, _severity: int, chance: np.random.Generator) -> bool:
    draft.values[rows, station] += _rounded(np.array(size * chance.choice((-1, 1))))
    return True


def _contextual(
    draft: _Draft, rows: slice, station: int, size: float, _severity: int, chance: np.random.Generator
) -> bool:
    """Displace readings, and keep them within the station's clean range: only their time and place make them wrong."""
    clean = draft.clean[rows, station]
    low, high = draft.clean[:, station].min(), draft.clean[:, station].max()
    sides = [
        np.clip(clean + _rounded(np.array(side * size)), low, high) for side in chance.permutation(np.array([-1, 1]))
    ]
    best = max(sides, key=lambda displaced: np.abs(displaced - clean).mean())
    if np.abs(best - clean).mean() < MIN_DISPLACEMENT * min(size, float(high - low)):
        return False
    draft.values[rows, station] = best
    return True


def _collective(
    draft: _Draft, rows: slice, station: int, size: float, _severity: int, chance: np.random.Generator
) -> bool:
    """Shift a stretch, let it drift to the shift in its first third, or add noise of that standard deviation."""
    length = rows.stop - rows.start
    kind = chance.choice(("shift", "drift", "noise"))
    if kind == "noise":
        added = size * chance.standard_normal(length)
    else:
        side = chance.choice((-1, 1))
        ramp = np.minimum(1, np.arange(1, length + 1) / max(1, length // 3)) if kind == "drift" else np.ones(length)
        added = size * side * ramp
    draft.values[rows, station] += _rounded(added)
    return True


def _stuck(
    draft: _Draft, rows: slice, station: int, _size: float, _severity: int, _chance: np.random.Generator
) -> bool:
    draft.values[rows, station] = draft.clean[rows.start - 1, station]
    return True


def _missing(
    draft: _Draft, rows: slice, station: int, _size: float, _severity: int, _chance: np.random.Generator
) -> bool:
    draft.present[rows, station] = False
    draft.values[rows, station] = 0
    draft.delays[rows, station] = 0
    return True


def _late(draft: _Draft, rows: slice, station: int, _size: float, severity: int, _chance: np.random.Generator) -> bool:
    draft.delays[rows, station] += severity * draft.interval
    return True


def _duplicate(
    draft: _Draft, rows: slice, station: int, _size: float, _severity: int, _chance: np.random.Generator
) -> bool:
    draft.copies[rows, station] += 1
    return True


def _rounded(added: NDArray[np.float64]) -> Integers:
    """Return a displacement in millionths, in the steps of 0.1 that the stations have."""
    steps: Integers = np.rint(added / (MICRO // 10)).astype(np.int64) * (MICRO // 10)
    return steps


_CLASSES: dict[str, Callable[[_Draft, slice, int, float, int, np.random.Generator], bool]] = {
    "point": _point,
    "contextual": _contextual,
    "collective": _collective,
    "stuck": _stuck,
    "missing": _missing,
    "late": _late,
    "duplicate": _duplicate,
}

"""The Data Quality Factor (DQF) of readings: an integer 0 to 100 and a reason, from all evidence.

Each evidence is a share 0 to 1000 with a weight. What remains of 100 after all of them is the DQF:
``100 · Π (1 - weight · evidence)``, in integers, rounded down at each step. More evidence never raises it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from .deviation import ROWS_BEFORE as DEVIATION_ROWS
from .deviation import deviations
from .model import AdosModel
from .network import WINDOW
from .readings import Integers, Readings, SmallIntegers
from .rules import ROWS_AROUND as RULE_ROWS
from .rules import measure_rules

FULL: Final = 1000  #: an evidence that is certain, a weight of 1
HALF: Final = FULL // 2  #: the evidence of a measure at its threshold
ALARM: Final = 50  #: a reading of this DQF or less counts as faulty

REASONS: Final = ("none", "point", "contextual", "collective", "stuck", "missing", "late")
NONE, POINT, CONTEXTUAL, COLLECTIVE, STUCK, MISSING, LATE = range(len(REASONS))

#: what each evidence can take from a reading's quality, in thousandths
WEIGHTS: Final = {
    "deviation": 1000,
    "stuck": 1000,
    "beyond": 600,
    "step": 300,
    "missing": 1000,
    "late": 1000,
    "repeated": 600,
}
REACH: Final = WINDOW - 1  #: rows before and after, between whose deviations a reading deviates with them
LONG: Final = 11  #: rows on one side of a reading, all but one of which deviate in a collective fault

ROWS_BEFORE: Final = max(LONG + REACH + DEVIATION_ROWS, RULE_ROWS)  #: rows before a reading on which its score depends
ROWS_AFTER: Final = max(LONG + REACH, RULE_ROWS)


@dataclass(frozen=True)
class ReadingEvidence:
    """Shares 0 to 1000 of each reading [R, S]."""

    deviation: Integers  #: from the network's estimate; at least that of the readings both before and after it
    stuck: Integers
    beyond: Integers
    step: Integers
    missing: Integers
    late: Integers
    repeated: Integers


@dataclass(frozen=True)
class Scores:
    """The DQF and the number of the reason in ``REASONS`` of each reading [R, S]."""

    dqf: SmallIntegers
    reasons: SmallIntegers


def score(model: AdosModel, readings: Readings, sensors: Integers | None = None) -> Scores:
    """Return the scores of readings of all the model's sensors, in its order; of the numbered ones where given."""
    chosen = np.arange(model.network.sensors) if sensors is None else sensors
    evidence = collect_evidence(model, readings, chosen)
    dqf = data_quality(evidence)
    return Scores(dqf, np.where(dqf <= ALARM, _reasons(model, readings, evidence, chosen), NONE))


def collect_evidence(model: AdosModel, readings: Readings, sensors: Integers) -> ReadingEvidence:
    """Return the evidence on each reading of the numbered sensors."""
    measured = deviations(model.network, model.calibration, readings.values, readings.present, sensors)
    rules = measure_rules(
        model.calibration.of(sensors),
        readings.values[:, sensors],
        readings.present[:, sensors],
        readings.delays[:, sensors],
        readings.copies[:, sensors],
    )
    single = ramp(measured)
    both_sides = np.minimum(_highest_near(single, before=True), _highest_near(single, before=False))
    return ReadingEvidence(
        deviation=np.maximum(single, both_sides),
        stuck=np.minimum(rules.stuck, FULL),
        beyond=ramp(rules.beyond),
        step=ramp(rules.step),
        missing=np.minimum(rules.missing, FULL),
        late=ramp(rules.late),
        repeated=np.minimum(rules.repeated, FULL),
    )


def ramp(measure: Integers) -> Integers:
    """Return 0 up to half a threshold, 500 at the threshold of 1000, and 1000 from one and a half on."""
    share: Integers = np.clip(measure - HALF, 0, FULL)
    return share


def data_quality(evidence: ReadingEvidence) -> Integers:
    """Return the DQF of each reading."""
    whole = FULL * FULL
    left = np.full(evidence.deviation.shape, whole, dtype=np.int64)
    for name, weight in WEIGHTS.items():
        left = left * (whole - weight * getattr(evidence, name)) // whole
    quality: Integers = left * 100 // whole
    return quality


def _reasons(model: AdosModel, readings: Readings, evidence: ReadingEvidence, sensors: Integers) -> Integers:
    """Return the reason of the strongest evidence; among equals missing, late, stuck, deviation in this order."""
    candidates = (
        (MISSING, evidence.missing),
        (LATE, np.maximum(evidence.late, evidence.repeated)),
        (STUCK, evidence.stuck),
        (POINT, np.maximum.reduce([evidence.deviation, evidence.beyond, evidence.step])),
    )
    strongest = np.argmax(np.stack([share for _, share in candidates]), axis=0)
    numbers = np.array([number for number, _ in candidates], dtype=np.int64)[strongest]
    reasons: Integers = np.where(numbers == POINT, _kind_of_deviation(model, readings, evidence, sensors), numbers)
    return reasons


def _kind_of_deviation(model: AdosModel, readings: Readings, evidence: ReadingEvidence, sensors: Integers) -> Integers:
    """Return POINT if no reading near deviates, COLLECTIVE in a long stretch or beyond the range, else CONTEXTUAL."""
    deviates = (evidence.deviation >= HALF).astype(np.int64)
    alone = np.maximum(_highest_near(deviates, before=True), _highest_near(deviates, before=False)) == 0
    before, after = _count_near(deviates, before=True), _count_near(deviates, before=False)
    calibration = model.calibration.of(sensors)
    values = readings.values[:, sensors]
    in_range = (calibration.lowest <= values) & (values <= calibration.highest)
    contextual = in_range & (np.maximum(before, after) < LONG - 1)
    kind: Integers = np.where(alone, POINT, np.where(contextual, CONTEXTUAL, COLLECTIVE))
    return kind


def _highest_near(share: Integers, *, before: bool) -> Integers:
    """Return the highest share among the ``REACH`` rows before, or after, each reading; 0 where there are none."""
    highest = np.zeros_like(share)
    for distance in range(1, min(REACH, len(share) - 1) + 1):
        near = _moved(share, distance if before else -distance)
        highest = np.maximum(highest, near)
    return highest


def _count_near(flags: Integers, *, before: bool) -> Integers:
    count = np.zeros_like(flags)
    for distance in range(1, min(LONG, len(flags) - 1) + 1):
        count += _moved(flags, distance if before else -distance)
    return count


def _moved(array: Integers, rows: int) -> Integers:
    """Return an array whose row r is row ``r - rows`` of the given one, 0 where there is none."""
    moved = np.zeros_like(array)
    if rows > 0:
        moved[rows:] = array[:-rows]
    else:
        moved[:rows] = array[-rows:]
    return moved

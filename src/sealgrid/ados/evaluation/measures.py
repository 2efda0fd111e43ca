"""Precision, recall and F1 of alarms, and the area under the ROC curve of scores, reading by reading."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Measures:
    """How alarms and scores agree with labels; never adjusted to whole faults."""

    precision: float
    recall: float
    f1: float
    auc: float


def measure(faulty: NDArray[np.bool_], alarms: NDArray[np.bool_], suspicion: NDArray[np.float64]) -> Measures:
    """Return the measures; ``suspicion`` is higher for what is more likely faulty."""
    hits = int((alarms & faulty).sum())
    precision = hits / max(int(alarms.sum()), 1)
    recall = hits / max(int(faulty.sum()), 1)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return Measures(precision, recall, f1, area_under_curve(faulty.ravel(), suspicion.ravel()))


def area_under_curve(faulty: NDArray[np.bool_], suspicion: NDArray[np.float64]) -> float:
    """Return the chance that a faulty reading is more suspicious than a clean one; equal ones count half."""
    _, place, count = np.unique(suspicion, return_inverse=True, return_counts=True)
    ranks = np.cumsum(count) - (count - 1) / 2
    positive = int(faulty.sum())
    negative = len(faulty) - positive
    if not positive or not negative:
        return 0.5
    total = float(ranks[place[faulty]].sum())
    return (total - positive * (positive + 1) / 2) / (positive * negative)

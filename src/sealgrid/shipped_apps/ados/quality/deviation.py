"""How far readings deviate from the network's estimates, in thousandths of each sensor's threshold.

Two passes. The first uses every reading that is present. The second estimates anew without what the first found
suspicious, so a faulty sensor spoils neither its neighbours' estimates nor, afterwards, its own. A neighbour is left
out only if it is more suspicious than the reading that is estimated, and at most half of the neighbours are.
"""

import numpy as np

from .calibration import Calibration
from .network import WINDOW, GraphNetwork, chunks
from .readings import Booleans, Integers

THRESHOLD = 1000  #: a deviation of exactly the threshold
MAX_DEVIATION = 64 * THRESHOLD
SUSPICIOUS = 800

ROWS_BEFORE = 2 * WINDOW  #: rows before a reading on which its deviation depends


def deviations(
    network: GraphNetwork, calibration: Calibration, values: Integers, present: Booleans, sensors: Integers
) -> Integers:
    """Return the deviations [R, S] of the readings of ``sensors`` (S numbers); 0 for those that cannot be estimated.

    ``values`` and ``present`` [R, N] need the readings of these sensors, of their neighbours, and of the neighbours'
    neighbours. A reading is estimated, from row w on, if at least half of its neighbours can be used.
    """
    if len(values) <= WINDOW:
        return np.zeros((len(values), len(sensors)), dtype=np.int64)
    normalised = np.where(present, calibration.normalise(values), 0)
    group = np.union1d(sensors, network.neighbours[sensors])
    complete = _all_in_window(present)

    usable = _usable(network, complete, group)
    first = np.zeros((len(values), network.sensors), dtype=np.int64)
    first[WINDOW:, group] = _measure(network, calibration, normalised, usable, group)
    first = np.where(present, first, 0)

    worst = _highest_in_window(first)
    usable = usable[:, np.searchsorted(group, sensors)]
    trusted = np.empty_like(usable)
    trusted[:, :, 0] = usable[:, :, 0] & (worst[:-1, sensors] < SUSPICIOUS)
    for start, stop in chunks(len(usable), len(sensors)):
        neighbour_worst = worst[start + 1 : stop + 1][:, network.neighbours[sensors]]
        own = first[WINDOW + start : WINDOW + stop, sensors, None]
        suspicious = (neighbour_worst >= SUSPICIOUS) & (neighbour_worst > own)
        trusted[start:stop, :, 1:] = usable[start:stop, :, 1:] & ~(suspicious & _in_worse_half(neighbour_worst))

    result = np.zeros((len(values), len(sensors)), dtype=np.int64)
    result[WINDOW:] = _measure(network, calibration, normalised, trusted, sensors)
    return np.where(present[:, sensors], result, 0)


def _in_worse_half(suspicion: Integers) -> Booleans:
    """Return which entries [..., k] are among the k // 2 highest; of equal ones the first."""
    order = np.argsort(-suspicion, axis=-1, kind="stable")
    rank = np.argsort(order, axis=-1, kind="stable")
    worse: Booleans = rank < suspicion.shape[-1] // 2
    return worse


def _usable(network: GraphNetwork, complete: Booleans, sensors: Integers) -> Booleans:
    """Return [R - w, S, 1 + k] whether the windows of a sensor and of its neighbours are complete."""
    return np.concatenate([complete[:-1, sensors, None], complete[1:][:, network.neighbours[sensors]]], axis=2)


def _measure(
    network: GraphNetwork, calibration: Calibration, normalised: Integers, usable: Booleans, sensors: Integers
) -> Integers:
    """Return the greater deviation of the estimates with and without the sensor's own past."""
    readings = normalised[WINDOW:, sensors]
    without = usable.copy()
    without[:, :, 0] = False
    own = readings - network.estimate(normalised, usable, sensors)
    others = readings - network.estimate(normalised, without, sensors)
    own = _relative(own, calibration.own_median[sensors], calibration.own_threshold[sensors])
    others = _relative(others, calibration.neighbour_median[sensors], calibration.neighbour_threshold[sensors])
    enough = _enough(usable)
    measured: Integers = np.maximum(
        np.where(enough & usable[:, :, 0], own, 0), np.where(enough & usable[:, :, 1:].any(axis=2), others, 0)
    )
    return measured


def _enough(usable: Booleans) -> Booleans:
    edges = usable.shape[2] - 1
    enough: Booleans = 2 * usable[:, :, 1:].sum(axis=2) >= edges
    return enough


def _relative(residual: Integers, median: Integers, threshold: Integers) -> Integers:
    relative: Integers = np.minimum(np.abs(residual - median) * THRESHOLD // threshold, MAX_DEVIATION)
    return relative


def _all_in_window(present: Booleans) -> Booleans:
    """Return for each row from w - 1 on whether a sensor's w rows up to it are all present."""
    windows = np.lib.stride_tricks.sliding_window_view(present, WINDOW, axis=0)
    complete: Booleans = np.logical_and.reduce(windows, axis=2)
    return complete


def _highest_in_window(values: Integers) -> Integers:
    highest: Integers = np.lib.stride_tricks.sliding_window_view(values, WINDOW, axis=0).max(axis=2)
    return highest

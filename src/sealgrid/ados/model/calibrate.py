"""Fixes normalisation, thresholds and bounds of the rules on clean readings; test data have no part in it."""

from dataclasses import replace

import numpy as np

from sealgrid.shipped_apps.ados.quality.calibration import MAX_RUN, Calibration
from sealgrid.shipped_apps.ados.quality.model import AdosModel
from sealgrid.shipped_apps.ados.quality.network import WINDOW, GraphNetwork
from sealgrid.shipped_apps.ados.quality.readings import Booleans, Integers, Readings
from sealgrid.shipped_apps.ados.quality.rules import run_lengths, spikes
from sealgrid.shipped_apps.ados.quality.score import ALARM, score

FALSE_ALARMS = 0.0005  #: accepted share of the clean validation readings
QUANTILE = 0.995  #: of a sensor's residuals, whose multiple is its threshold
MULTIPLES = (0.8, 4.0)  #: of the quantile, between which the threshold is searched
STEPS = 8  #: of the search
REPEATS = 0.001  #: share of clean readings in runs that are long enough to be stuck
SHORTEST_RUN = 4


def normalisation(training: Readings) -> Calibration:
    """Return a calibration with mean and standard deviation; its thresholds stand for nothing yet."""
    values = np.where(training.present, training.values / 1.0, np.nan)
    count = len(training.sensors)
    centre = np.nan_to_num(np.nanmean(values, axis=0))
    scale = np.nan_to_num(np.nanstd(values, axis=0))
    one = np.ones(count, dtype=np.int64)
    return Calibration(
        centre=np.rint(centre).astype(np.int64),
        scale=np.maximum(np.rint(scale).astype(np.int64), 1),
        lowest=0 * one,
        highest=0 * one,
        largest_step=one,
        shortest_run=(MAX_RUN + 1) * one,
        longest_delay=training.interval * one,
        own_median=0 * one,
        own_threshold=one,
        neighbour_median=0 * one,
        neighbour_threshold=one,
    )


def calibrate(network: GraphNetwork, normal: Calibration, training: Readings, validation: Readings) -> AdosModel:
    """Return the model with thresholds at which ``FALSE_ALARMS`` of the validation readings count as faulty."""
    bounds = _with_bounds(normal, training, validation)
    residuals = _residuals(network, bounds, validation)
    low, high = MULTIPLES
    for _ in range(STEPS):
        middle = (low + high) / 2
        model = _with_thresholds(network, bounds, residuals, validation, middle)
        alarms = (score(model, validation).dqf[validation.present] <= ALARM).mean()
        low, high = (middle, high) if alarms > FALSE_ALARMS else (low, middle)
    return _with_thresholds(network, bounds, residuals, validation, high)


def _with_bounds(normal: Calibration, training: Readings, validation: Readings) -> Calibration:
    values = np.concatenate([training.values, validation.values])
    present = np.concatenate([training.present, validation.present])
    return replace(
        normal,
        lowest=np.where(present, values, values.max(axis=0)).min(axis=0),
        highest=np.where(present, values, values.min(axis=0)).max(axis=0),
        largest_step=np.maximum(spikes(values, present).max(axis=0), 1),
        shortest_run=_shortest_run(run_lengths(values, present)),
    )


def _shortest_run(lengths: Integers) -> Integers:
    """Return the shortest length of a run that only the share ``REPEATS`` of a sensor's clean readings reaches."""
    shortest = np.full(lengths.shape[1], MAX_RUN + 1, dtype=np.int64)
    for length in range(MAX_RUN, SHORTEST_RUN - 1, -1):
        rare = (lengths >= length).mean(axis=0) <= REPEATS
        shortest = np.where(rare & (shortest == length + 1), length, shortest)
    return shortest


def _residuals(network: GraphNetwork, calibration: Calibration, readings: Readings) -> tuple[np.ndarray, np.ndarray]:
    """Return residuals [R - w, N] with and without the sensor's own past; NaN where readings are missing."""
    normalised = np.where(readings.present, calibration.normalise(readings.values), 0)
    everything = np.arange(network.sensors)
    windows = np.lib.stride_tricks.sliding_window_view(readings.present, WINDOW + 1, axis=0)
    complete: Booleans = np.logical_and.reduce(windows, axis=2)
    known = complete & complete[:, network.neighbours].all(axis=2)
    usable = np.ones((len(known), network.sensors, 1 + network.neighbours.shape[1]), dtype=np.bool_)
    with_own = normalised[WINDOW:] - network.estimate(normalised, usable, everything)
    usable[:, :, 0] = False
    without = normalised[WINDOW:] - network.estimate(normalised, usable, everything)
    return np.where(known, with_own, np.nan), np.where(known, without, np.nan)


def _with_thresholds(
    network: GraphNetwork,
    bounds: Calibration,
    residuals: tuple[np.ndarray, np.ndarray],
    readings: Readings,
    multiple: float,
) -> AdosModel:
    own, neighbours = residuals
    own_median, own_threshold = _threshold(own, multiple)
    neighbour_median, neighbour_threshold = _threshold(neighbours, multiple)
    calibration = replace(
        bounds,
        own_median=own_median,
        own_threshold=own_threshold,
        neighbour_median=neighbour_median,
        neighbour_threshold=neighbour_threshold,
    )
    return AdosModel(readings.sensors, readings.interval, network, calibration)


def _threshold(residuals: np.ndarray, multiple: float) -> tuple[Integers, Integers]:
    median = np.nan_to_num(np.nanmedian(residuals, axis=0))
    distance = np.nan_to_num(np.nanquantile(np.abs(residuals - median), QUANTILE, axis=0))
    return np.rint(median).astype(np.int64), np.maximum(np.rint(multiple * distance), 1).astype(np.int64)

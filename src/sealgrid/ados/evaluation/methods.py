"""What the DQF is compared with: detectors of PyOD, PCA's residuals, persistence, max-z, STL, single rules, random.

Each gives a suspicion for every reading. Its threshold is chosen as the DQF's is: each sensor's suspicion is divided by
its 99.5 % quantile on the clean validation readings, and the threshold lets 0.05 % of all of those through.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyod.models.ecod import ECOD
from pyod.models.iforest import IForest
from pyod.models.pca import PCA
from statsmodels.tsa.seasonal import STL

from sealgrid.ados.model.calibrate import FALSE_ALARMS, QUANTILE
from sealgrid.ados.scenario import ROWS_A_DAY
from sealgrid.shipped_apps.ados.quality.model import AdosModel
from sealgrid.shipped_apps.ados.quality.network import WINDOW
from sealgrid.shipped_apps.ados.quality.readings import MICRO, Readings
from sealgrid.shipped_apps.ados.quality.rules import measure_rules

Reals = NDArray[np.float64]
Suspicion = Callable[[Readings], Reals]

VARIANCE = 0.95  #: that principal components keep
STL_ROWS = 14 * ROWS_A_DAY  #: of training data before a test set, from which its season is known
JUMP = ROWS_A_DAY // 6  #: rows between which STL interpolates its trend, which is much smoother


@dataclass(frozen=True)
class Method:
    """A method with its threshold on validation data."""

    name: str
    suspicion: Suspicion  #: [R, N], divided by each sensor's quantile
    threshold: float


def other_methods(model: AdosModel, training: Readings, validation: Readings, seed: int) -> list[Method]:
    """Return all methods besides the DQF, fitted on the training readings."""
    chance = np.random.default_rng([seed, 9])
    detectors = {
        "PCA (PyOD)": lambda: PCA(n_components=VARIANCE, random_state=seed),
        "IsolationForest (PyOD)": lambda: IForest(random_state=seed, n_jobs=1),
        "ECOD (PyOD)": lambda: ECOD(n_jobs=1),
    }
    found = [_with_threshold(name, _detector(make, model, training), validation) for name, make in detectors.items()]
    mean, spread = training.values.mean(axis=0), training.values.std(axis=0)
    found += [
        _with_threshold("PCA residual", _pca_residual(model, training), validation),
        _with_threshold("persistence", _persistence, validation),
        _with_threshold("max-z", lambda readings: np.abs(_filled(readings) * MICRO - mean) / spread, validation),
        _with_threshold("STL (statsmodels)", lambda readings: _stl(training, readings), validation),
        _with_threshold("random", lambda readings: chance.random(readings.values.shape), validation),
    ]
    return found + [Method(f"{name} rule", rule, 1.0) for name, rule in _rules(model).items()]


def _with_threshold(name: str, raw: Suspicion, validation: Readings) -> Method:
    measured = raw(validation)
    scale = np.maximum(np.quantile(measured, QUANTILE, axis=0), 1e-9)
    threshold = float(np.quantile(measured / scale, 1 - FALSE_ALARMS))
    return Method(name, lambda readings: raw(readings) / scale, threshold)


def _detector(make: Callable[[], Any], model: AdosModel, training: Readings) -> Suspicion:
    """Return a detector for each sensor on what the network uses: its last readings and its neighbours' newest ones."""
    fitted = []
    for features in _features(model, training):
        detector = make()
        detector.fit(features)
        fitted.append(detector)

    def suspicion(readings: Readings) -> Reals:
        columns = [
            detector.decision_function(features)
            for detector, features in zip(fitted, _features(model, readings), strict=True)
        ]
        return _padded(np.stack(columns, axis=1), readings.rows)

    return suspicion


def _pca_residual(model: AdosModel, training: Readings) -> Suspicion:
    """Return what the components with 95 % of the variance of all sensors' rows leave of each reading."""
    normalised = _normalised(model, training)
    variances, vectors = np.linalg.eigh(np.cov(normalised.T))
    share = np.cumsum(variances[::-1]) / variances.sum()
    kept = vectors[:, ::-1][:, : int(np.searchsorted(share, VARIANCE)) + 1]

    def suspicion(readings: Readings) -> Reals:
        rows = _normalised(model, readings)
        residual: Reals = np.abs(rows - rows @ kept @ kept.T)
        return residual

    return suspicion


def _normalised(model: AdosModel, readings: Readings) -> Reals:
    normalised: Reals = (_filled(readings) * MICRO - model.calibration.centre) / model.calibration.scale
    return normalised


def _features(model: AdosModel, readings: Readings) -> list[Reals]:
    normalised = _normalised(model, readings)
    windows = np.lib.stride_tricks.sliding_window_view(normalised, WINDOW, axis=0)
    newest = normalised[WINDOW - 1 :]
    return [
        np.concatenate([windows[:, sensor], newest[:, model.network.neighbours[sensor]]], axis=1)
        for sensor in range(len(readings.sensors))
    ]


def _padded(scores: Reals, rows: int) -> Reals:
    """Return scores with the lowest one for the first rows, which have no window."""
    padded = np.full((rows, scores.shape[1]), float(scores.min()))
    padded[rows - len(scores) :] = scores
    return padded - float(scores.min())


def _persistence(readings: Readings) -> Reals:
    filled = _filled(readings)
    changes = np.zeros_like(filled)
    changes[1:] = np.abs(np.diff(filled, axis=0))
    return changes


def _stl(training: Readings, readings: Readings) -> Reals:
    """Return the size of STL's remainder, of a series that begins with the end of the training data."""
    before, after = _filled(training)[-STL_ROWS:], _filled(readings)
    series = np.concatenate([before, after])
    columns = [
        np.abs(STL(column, period=ROWS_A_DAY, trend_jump=JUMP, low_pass_jump=JUMP).fit().resid) for column in series.T
    ]
    return np.stack(columns, axis=1)[len(before) :]


def _filled(readings: Readings) -> Reals:
    """Return values with the one before in place of a missing one."""
    rows = np.where(readings.present, np.arange(readings.rows)[:, None], 0)
    last = np.maximum.accumulate(rows, axis=0)
    filled: Reals = np.take_along_axis(readings.values, last, axis=0) / MICRO
    return filled


def _rules(model: AdosModel) -> dict[str, Suspicion]:
    """Return single rules with their bounds as the calibration has them; a suspicion of 1 is an alarm."""
    calibration = model.calibration

    def rule(name: str) -> Suspicion:
        def suspicion(readings: Readings) -> Reals:
            measured = measure_rules(calibration, readings.values, readings.present, readings.delays, readings.copies)
            return np.asarray(getattr(measured, name), dtype=np.float64) / 1000

        return suspicion

    names = {
        "stuck": "stuck",
        "range": "beyond",
        "step": "step",
        "missing": "missing",
        "late": "late",
        "repeated": "repeated",
    }
    return {name: rule(field) for name, field in names.items()}

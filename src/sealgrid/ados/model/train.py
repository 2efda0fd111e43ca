"""Trains a model on a file of clean readings: the network on the first three quarters, thresholds on the last."""

import hashlib
from dataclasses import dataclass, fields

import torch

from sealgrid.ados.model.calibrate import FALSE_ALARMS, calibrate, normalisation
from sealgrid.ados.model.export import to_onnx
from sealgrid.ados.model.fit import EPOCHS, Report, fit
from sealgrid.ados.model.weights import to_integers
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.model import AdosModel
from sealgrid.shipped_apps.ados.quality.network import GraphNetwork
from sealgrid.shipped_apps.ados.quality.readings import Readings
from sealgrid.shipped_apps.ados.quality.score import ALARM, score

VALIDATION_SHARE = 4  #: one in so many rows, the last ones, is for validation
MIN_ROWS = 400
MIN_PRESENT = 0.5  #: of a sensor's readings


@dataclass(frozen=True)
class TrainedModel:
    """A model, its file and the owner's description of it."""

    model: AdosModel
    file: bytes
    card: str


def train(readings: Readings, seed: int, epochs: int = EPOCHS, report: Report | None = None) -> TrainedModel:
    """Return a model of clean readings; raise ReadingsRefused for too few of them."""
    _check_amount(readings)
    border = readings.rows - readings.rows // VALIDATION_SHARE
    return train_apart(readings.between(0, border), readings.between(border, readings.rows), seed, epochs, report)


def train_apart(
    training: Readings, validation: Readings, seed: int, epochs: int = EPOCHS, report: Report | None = None
) -> TrainedModel:
    """Return a model whose network was trained on one part of the readings and calibrated on another."""
    normal = normalisation(training)
    network = fit(training, normal, seed, epochs, report)
    model = calibrate(to_integers(network), normal, training, validation)
    file = to_onnx(network, model)
    return TrainedModel(model, file, _card(model, file, training, validation, seed))


def _check_amount(readings: Readings) -> None:
    if readings.rows < MIN_ROWS:
        raise ReadingsRefused(f"the readings have {readings.rows} rows; training needs {MIN_ROWS} at least.")
    share = readings.present.mean(axis=0)
    if (share < MIN_PRESENT).any():
        name = readings.sensors[int(share.argmin())]
        raise ReadingsRefused(f"the sensor {name!r} has {share.min():.0%} of its readings; leave it out of the file.")


def _card(model: AdosModel, file: bytes, training: Readings, validation: Readings, seed: int) -> str:
    alarms = (score(model, validation).dqf[validation.present] <= ALARM).mean()
    days = readings_days(training), readings_days(validation)
    version = torch.__version__.split("+")[0]
    weights = sum(getattr(model.network, each.name).size for each in fields(GraphNetwork) if each.name != "neighbours")
    return f"""# Data quality of {len(model.sensors)} sensors

A graph deviation network for the app ados. It takes readings of these sensors, one each {model.interval} s,
and gives a Data Quality Factor from 0 to 100 and a reason for each.

- **Sensors**: {", ".join(model.sensors)}
- **Trained** on {training.rows} rows ({days[0]:.0f} days), seed {seed}, PyTorch {version}; {weights} weights.
- **Calibrated** on {validation.rows} rows ({days[1]:.0f} days): thresholds accept {FALSE_ALARMS:.2%} of clean readings
  as faulty, {alarms:.2%} as measured there. No test data had a part in it.
- **File**: {len(file)} bytes, SHA-256 {hashlib.sha256(file).hexdigest()}
"""


def readings_days(readings: Readings) -> float:
    """Return how many days readings span."""
    return readings.rows * readings.interval / 86_400

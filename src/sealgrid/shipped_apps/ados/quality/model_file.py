"""The file of a model: an ONNX graph whose named weights and metadata hold all that the app needs.

The metadata entry ``sealgrid.ados`` is JSON: schema, sensors, interval, window, and the lists of the calibration.
"""

import json
from dataclasses import asdict, fields

import numpy as np

from .calibration import Calibration
from .errors import ReadingsRefused
from .fixed_point import to_fixed
from .graph import MAX_INTERVAL
from .messages import MAX_SENSORS, read_sensor
from .model import AdosModel
from .network import WINDOW, GraphNetwork
from .onnx_file import read_onnx

SCHEMA = "sealgrid/ados-model/1"
METADATA = "sealgrid.ados"
_NO_MODEL = "the model is an ONNX file, but none of ados: train one with `sealgrid ados train`."


def metadata_of(model: AdosModel) -> str:
    """Return the text of a model's metadata entry."""
    calibration = {name: entries.tolist() for name, entries in asdict(model.calibration).items()}
    document = {
        "schema": SCHEMA,
        "sensors": list(model.sensors),
        "interval": model.interval,
        "window": WINDOW,
        "calibration": calibration,
    }
    return json.dumps(document, separators=(",", ":"))


def read_model(content: bytes) -> AdosModel:
    """Return the model of a file; raise ReadingsRefused for any other file."""
    file = read_onnx(content)
    if METADATA not in file.metadata:
        raise ReadingsRefused(_NO_MODEL)
    try:
        document = json.loads(file.metadata[METADATA])
        if document["schema"] != SCHEMA or document["window"] != WINDOW:
            raise ReadingsRefused(f"the model has another schema or window than {SCHEMA} and {WINDOW}; train it again.")
        return AdosModel(
            sensors=_sensors(document["sensors"]),
            interval=_interval(document["interval"]),
            network=_network({name: file.tensors[name] for name in (each.name for each in fields(GraphNetwork))}),
            calibration=Calibration(
                **{each.name: _integers(document["calibration"][each.name]) for each in fields(Calibration)}
            ),
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ReadingsRefused(_NO_MODEL) from error


def _sensors(names: object) -> tuple[str, ...]:
    if not isinstance(names, list) or any(read_sensor(name, "the model") != name for name in names):
        raise TypeError(names)
    if len(set(names)) != len(names) or not 1 <= len(names) <= MAX_SENSORS:
        raise ReadingsRefused(f"the model names a sensor twice, or not 1 to {MAX_SENSORS} sensors.")
    return tuple(names)


def _interval(seconds: object) -> int:
    if not isinstance(seconds, int) or not 1 <= seconds <= MAX_INTERVAL:
        raise ReadingsRefused(f"the model's interval is not between 1 and {MAX_INTERVAL} seconds.")
    return seconds


def _network(tensors: dict[str, np.ndarray]) -> GraphNetwork:
    arrays = {name: tensor if name == "neighbours" else _weights(tensor) for name, tensor in tensors.items()}
    if arrays["neighbours"].dtype != np.int64:
        raise ValueError("neighbours")
    return GraphNetwork(**arrays)


def _weights(tensor: np.ndarray) -> np.ndarray:
    if not np.isfinite(tensor).all() or (tensor.size and float(np.abs(tensor).max()) > 1 << 20):
        raise ReadingsRefused("the model has a weight that is not a number, or is too large; train it again.")
    return to_fixed(tensor)


def _integers(entries: object) -> np.ndarray:
    if not isinstance(entries, list) or not all(type(each) is int for each in entries):
        raise TypeError(entries)
    return np.array(entries, dtype=np.int64)

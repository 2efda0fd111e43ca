"""The graph of a model: sensors, interval and who is whose neighbour; what a buyer needs to split readings.

It is JSON, which the owner may give to buyers: it names sensors that are alike, and has no weight and no threshold.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ReadingsRefused
from .messages import MAX_SENSORS, read_sensor
from .model import AdosModel
from .network import MAX_NEIGHBOURS
from .readings import Integers

SCHEMA = "sealgrid/ados-graph/1"
MAX_INTERVAL = 86_400
_HOPS = 2  #: a score depends on neighbours and on their neighbours


@dataclass(frozen=True)
class SensorGraph:
    """The sensors of a model and their neighbours [N, k] by number."""

    sensors: tuple[str, ...]
    interval: int  #: seconds between two readings of a sensor
    neighbours: Integers

    def content(self) -> bytes:
        """Return the file: equal graphs have equal bytes."""
        document = {
            "schema": SCHEMA,
            "interval": self.interval,
            "sensors": list(self.sensors),
            "neighbours": self.neighbours.tolist(),
        }
        return json.dumps(document, separators=(",", ":")).encode() + b"\n"

    def digest(self) -> str:
        """Return the SHA-256 of the file in hexadecimal."""
        return hashlib.sha256(self.content()).hexdigest()

    def near(self, sensors: Integers) -> Integers:
        """Return, ascending, the sensors on whose readings the scores of ``sensors`` depend."""
        needed = np.unique(sensors)
        for _ in range(_HOPS):
            needed = np.union1d(needed, self.neighbours[needed])
        return needed


def graph_of(model: AdosModel) -> SensorGraph:
    """Return the graph of a model."""
    return SensorGraph(model.sensors, model.interval, model.network.neighbours)


def read_graph(content: bytes) -> SensorGraph:
    """Return the graph of a file; raise ReadingsRefused for any other file."""
    try:
        return _parse(json.loads(content))
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ReadingsRefused(
            "the graph is not a file of `sealgrid ados graph`; ask the model's owner for it."
        ) from error


def _parse(document: dict[str, Any]) -> SensorGraph:
    names = tuple(read_sensor(name, "the graph") for name in document["sensors"])
    interval, rows = document["interval"], document["neighbours"]
    if document["schema"] != SCHEMA or type(interval) is not int or not 1 <= interval <= MAX_INTERVAL:
        raise ValueError("schema or interval")
    if not 1 <= len(names) <= MAX_SENSORS or len(set(names)) != len(names) or len(rows) != len(names):
        raise ValueError("sensors")
    if any(type(number) is not int for row in rows for number in row):
        raise ValueError("neighbours")
    numbers = np.array(rows, dtype=np.int64).reshape(len(names), -1)
    if numbers.shape[1] > MAX_NEIGHBOURS or (numbers.size and not 0 <= numbers.min() <= numbers.max() < len(names)):
        raise ValueError("neighbours")
    return SensorGraph(names, interval, numbers)

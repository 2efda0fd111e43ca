"""The file of a shard, JSON: which part of which job it is, and its readings with halo as compressed integers.

``{"schema": …, "graph": digest, "rows": of the job, "first_slot": of the job, "sensors": […], "shard": [first, end],
"columns": […], "values": …, "present": …, "delays": …, "copies": …}``; the last four are arrays [R, C] for the C
sensors of ``columns``, base64 of zlib of little-endian integers, row by row.

    (shard.1) It is one document of the schema, and its arrays have the sizes that its numbers say.
    (shard.2) What is not present is 0, and all values are within the bounds that a file of readings has.
    (shard.3) It was planned for the graph of the model, and has the readings of exactly the sensors that it needs.
"""

import base64
import json
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ReadingsRefused
from .graph import SensorGraph
from .grid import MAX_CELLS, MAX_DELAY
from .messages import LAST_TIME, MAX_MESSAGES, MAX_SENSORS
from .readings import MAX_VALUE, MICRO, Readings
from .shards import Shard, rows_with_halo, with_halo

SCHEMA = "sealgrid/ados-shard/1"
_START = b'{"schema":"' + SCHEMA.encode() + b'"'
_LEVEL = 1  #: of compression
_ARRAYS = {"values": "<i8", "present": "|b1", "delays": "<i4", "copies": "<i4"}
_BOUNDS = {
    "values": (-MAX_VALUE * MICRO, MAX_VALUE * MICRO),
    "delays": (0, MAX_DELAY),
    "copies": (0, MAX_MESSAGES),
}


@dataclass(frozen=True)
class ShardFile:
    """A shard as it stands in a file; ``arrays`` are [R, C]."""

    graph: str  #: digest
    first_slot: int  #: of the whole job
    rows: int  #: of the whole job
    shard: Shard
    columns: np.ndarray
    arrays: dict[str, np.ndarray]

    def readings(self, graph: SensorGraph) -> Readings:
        """Return the readings of all the model's sensors, those that the shard does not need absent (shard.3)."""
        if self.graph != graph.digest():
            raise ReadingsRefused(
                "the shard was planned with another graph than the model's; ask the model's owner for the graph."
            )
        needed = graph.near(np.array(self.shard.sensors, dtype=np.int64))
        if not np.array_equal(self.columns, needed):
            raise ReadingsRefused("the shard does not have the readings of exactly the sensors that it needs.")
        first, end = rows_with_halo(self.shard, self.rows)
        if (end - first) * len(graph.sensors) > MAX_CELLS:
            raise ReadingsRefused("the shard has too many rows; make more shards.")
        whole = {name: np.zeros((end - first, len(graph.sensors)), array.dtype) for name, array in self.arrays.items()}
        for name, array in self.arrays.items():
            whole[name][:, self.columns] = array
        return Readings(
            sensors=graph.sensors,
            interval=graph.interval,
            first_slot=self.first_slot + first,
            values=whole["values"],
            present=whole["present"],
            delays=whole["delays"].astype(np.int64),
            copies=whole["copies"].astype(np.int64),
        )


def write_shard(graph: SensorGraph, readings: Readings, shard: Shard) -> bytes:
    """Return the file of a shard of ``readings``, those of the whole job."""
    part = with_halo(graph, readings, shard)
    columns = graph.near(np.array(shard.sensors, dtype=np.int64))
    document: dict[str, object] = {
        "schema": SCHEMA,
        "graph": graph.digest(),
        "first_slot": readings.first_slot,
        "rows": readings.rows,
        "sensors": list(shard.sensors),
        "shard": [shard.first_row, shard.end_row],
        "columns": columns.tolist(),
    }
    for name, kind in _ARRAYS.items():
        array = np.ascontiguousarray(getattr(part, name)[:, columns].astype(kind))
        document[name] = base64.b64encode(zlib.compress(array.tobytes(), _LEVEL)).decode()
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def read_shard(content: bytes) -> ShardFile | None:
    """Return a shard, None for a file of another kind; raise ReadingsRefused for a damaged one."""
    if not content.startswith(_START):
        return None
    try:
        file = _read(json.loads(content))  # (shard.1)
    except (KeyError, TypeError, ValueError, RecursionError, OverflowError, zlib.error) as error:
        raise ReadingsRefused("the shard is damaged: its numbers or arrays do not fit each other.") from error
    absent = ~file.arrays["present"]
    for name, (low, high) in _BOUNDS.items():  # (shard.2)
        array = file.arrays[name]
        if array.size and (not low <= int(array.min()) <= int(array.max()) <= high or array[absent].any()):
            raise ReadingsRefused(f"the shard is damaged: its {name} are out of bounds, or of no reading.")
    return file


def _read(document: dict[str, Any]) -> ShardFile:
    sensors, columns = _numbers(document["sensors"]), _numbers(document["columns"])
    first, end = document["shard"]
    rows, first_slot = document["rows"], document["first_slot"]
    numbers = (first, end, rows, first_slot)
    if any(type(each) is not int for each in numbers) or not 0 <= first < end <= rows <= LAST_TIME:
        raise ValueError("rows")
    if not 0 <= first_slot <= LAST_TIME:
        raise ValueError("first_slot")
    shard = Shard(tuple(sensors), first, end)
    before, after = rows_with_halo(shard, rows)
    shape = (after - before, len(columns))
    if shape[0] * shape[1] > MAX_CELLS:
        raise ReadingsRefused(f"the shard has more than {MAX_CELLS} readings; make more shards.")
    arrays = {name: _array(document[name], kind, shape) for name, kind in _ARRAYS.items()}
    return ShardFile(str(document["graph"]), first_slot, rows, shard, np.array(columns, dtype=np.int64), arrays)


def _numbers(given: list[int]) -> list[int]:
    """Return numbers of sensors; raise ValueError unless they ascend."""
    if any(type(each) is not int for each in given) or sorted(set(given)) != given or not given:
        raise ValueError("sensors")
    if given[0] < 0 or given[-1] >= MAX_SENSORS:
        raise ValueError("sensors")
    return given


def _array(packed: str, kind: str, shape: tuple[int, int]) -> np.ndarray:
    size = shape[0] * shape[1] * np.dtype(kind).itemsize
    unpacking = zlib.decompressobj()
    raw = unpacking.decompress(base64.b64decode(packed, validate=True), size + 1)
    if len(raw) != size or not unpacking.eof:
        raise ValueError("size")
    if kind == "|b1" and raw.strip(b"\0\1"):
        raise ValueError("present")
    return np.frombuffer(raw, dtype=kind).reshape(shape).astype(np.dtype(kind).newbyteorder("="))

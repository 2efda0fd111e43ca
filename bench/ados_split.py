"""Child process that splits a wide CSV file of drawn readings as a client does: ``… SENSORS ROWS FOLDER``.

It also scores one of the shards as the app does, with a model of so many sensors: copies of the shipped one. Prints the
peak memory of splitting, and of splitting and scoring, in bytes.
"""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np

from bench.memory_child import peak
from sealgrid.ados.sharded_scores import plan_job
from sealgrid.ados.spooled_readings import spool
from sealgrid.shipped_apps.ados.quality.graph import graph_of
from sealgrid.shipped_apps.ados.quality.model import AdosModel
from sealgrid.shipped_apps.ados.quality.model_file import read_model
from sealgrid.shipped_apps.ados.quality.shard_file import read_shard, write_shard
from sealgrid.shipped_apps.ados.quality.shards import score_shard

MODEL = Path(__file__).resolve().parents[1] / "src/sealgrid/shipped_apps/ados/stations.onnx"
START = 1_767_225_600


def copies(model: AdosModel, count: int) -> AdosModel:
    """Return a model of so many networks of sensors side by side."""
    size, network, calibration = model.network.sensors, model.network, model.calibration
    offsets = np.repeat(np.arange(count) * size, size)[:, None]
    per_sensor = {
        "embedding": np.tile(network.embedding, (count, 1)),
        "edge_bias": np.tile(network.edge_bias, (count, 1)),
    }
    return AdosModel(
        tuple(f"station-{number:05}" for number in range(count * size)),
        model.interval,
        dataclasses.replace(network, neighbours=np.tile(network.neighbours, (count, 1)) + offsets, **per_sensor),
        calibration.of(np.tile(np.arange(size), count)),
    )


def draw_file(model: AdosModel, rows: int, path: Path) -> None:
    """Write a row for each time; readings vary around each sensor's mean."""
    chance, calibration = np.random.default_rng(1), model.calibration
    with path.open("w") as file:
        file.write(",".join(("time", *model.sensors)) + "\n")
        for row in range(rows):
            values = (calibration.centre + chance.normal(0, 1, len(model.sensors)) * calibration.scale) / 1e6
            file.write(",".join((str(START + row * model.interval), *(f"{each:.1f}" for each in values))) + "\n")


def main(sensors: int, rows: int, folder: Path) -> dict[str, int]:
    """Split, and score the shard in the middle."""
    shipped = read_model(MODEL.read_bytes())
    model = copies(shipped, sensors // shipped.network.sensors)
    draw_file(model, rows, folder / "readings.csv")
    graph, before = graph_of(model), peak()
    gridded = spool(folder / "readings.csv", graph, folder)
    shards = plan_job(sensors, rows, 2)
    largest = b""
    for shard in shards:
        largest = max(largest, write_shard(graph, gridded.readings, shard), key=len)
        gridded.release()
    split = peak()
    file = read_shard(largest)
    assert file is not None
    score_shard(model, file.readings(graph), file.shard, file.rows)
    return {"before": before, "split": split, "scored": peak(), "shards": len(shards), "bytes": len(largest)}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))))

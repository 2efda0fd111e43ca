"""Child process that splits and merges a job of any size as a client does: ``… SENSORS ROWS FOLDER``.

Readings are drawn into the files that ``spool`` leaves, and every shard's answer is read from tables as the app writes
them; the scores are those of good readings. Prints peak memory in bytes: before, after splitting, after merging.
"""

import json
import sys
from pathlib import Path

import numpy as np

from bench.ados_split import MODEL, copies
from bench.memory_child import peak
from sealgrid.ados.sharded_scores import plan_job, read_scores
from sealgrid.ados.spooled_readings import SpooledReadings, mapped_readings
from sealgrid.shipped_apps.ados.quality.graph import graph_of
from sealgrid.shipped_apps.ados.quality.model import AdosModel
from sealgrid.shipped_apps.ados.quality.model_file import read_model
from sealgrid.shipped_apps.ados.quality.readings import Frame
from sealgrid.shipped_apps.ados.quality.report import table_header, table_rows
from sealgrid.shipped_apps.ados.quality.shard_file import write_shard
from sealgrid.shipped_apps.ados.quality.shards import Shard, ShardMerger

FIRST_SLOT = 2_945_376
CHUNK = 1000  #: rows that are drawn at a time


def draw(model: AdosModel, frame: Frame, folder: Path) -> SpooledReadings:
    """Return readings that vary around each sensor's mean, in mapped files."""
    spooled, chance, calibration = mapped_readings(frame, folder), np.random.default_rng(1), model.calibration
    for first in range(0, frame.rows, CHUNK):
        rows = slice(first, min(first + CHUNK, frame.rows))
        noise = chance.standard_normal((rows.stop - first, len(frame.sensors)), dtype=np.float32)
        spooled.readings.values[rows] = calibration.centre + noise * calibration.scale
        spooled.readings.present[rows] = True
        spooled.release()
    return spooled


def tables(frame: Frame, shard: Shard) -> dict[str, bytes]:
    """Return the tables of a shard of good readings."""
    names = tuple(frame.sensors[number] for number in shard.sensors)
    part = Frame(names, frame.interval, frame.first_slot + shard.first_row, shard.end_row - shard.first_row)
    shape = (part.rows, len(names))
    cells = {"dqf.csv": np.full(shape, 97, dtype=np.uint8), "reasons.csv": np.full(shape, "", dtype=object)}
    return {name: (table_header(names) + table_rows(part, 0, each)).encode() for name, each in cells.items()}


def main(sensors: int, rows: int, folder: Path) -> dict[str, int]:
    """Plan, write every shard's file, and merge every shard's answer."""
    shipped = read_model(MODEL.read_bytes())
    model = copies(shipped, sensors // shipped.network.sensors)
    graph, frame = graph_of(model), Frame(model.sensors, model.interval, FIRST_SLOT, rows)
    spooled, before = draw(model, frame, folder), peak()
    shards, largest = plan_job(sensors, rows, 2), 0
    for shard in shards:
        largest = max(largest, len(write_shard(graph, spooled.readings, shard)))
        spooled.release()
    split, merger = peak(), ShardMerger(rows, sensors)
    for shard in shards:
        merger.add(shard, read_scores(frame, shard, tables(frame, shard)))
    scores = merger.scores()
    if (int(scores.dqf.min()), int(scores.dqf.max())) != (97, 97):
        raise SystemExit("the merged scores are not those of the shards")
    return {"before": before, "split": split, "merged": peak(), "shards": len(shards), "bytes": largest}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))))

"""Scores readings of sensors with a model, the dataset: result.json, dqf.csv and reasons.csv.

Where stations signed the readings, it also reports one round to a feed contract, as the callback data of the task.
A file may be a shard of a larger job; then the tables have its sensors and rows, and the buyer merges them.
"""

import json
import os
import sys
from pathlib import Path

from quality.arguments import WindowOptions, parse
from quality.errors import ReadingsRefused
from quality.feed_round import TaskOfDeal, feed_round
from quality.file_reader import read_file
from quality.graph import graph_of
from quality.grid import to_grid
from quality.model import AdosModel
from quality.model_file import read_model
from quality.readings import Frame
from quality.report import default_window, digest_of, reason_names, result_text, summarise, table_header, table_rows
from quality.score import Scores, score
from quality.shard_file import ShardFile, read_shard
from quality.shards import score_shard
from quality.signed_file import read_signed

SHARD_SCHEMA = "sealgrid/data-quality-shard/1"


def main(arguments: list[str]) -> None:
    options = parse(arguments)
    model = read_model(dataset())
    content = input_file()
    shard = read_shard(content)
    if shard is None:
        score_file(model, content, options)
    elif arguments:
        raise ReadingsRefused("a shard takes no arguments; the window is chosen when the shards are merged.")
    else:
        score_part(model, shard)


def score_file(model: AdosModel, content: bytes, options: WindowOptions) -> None:
    window = options.window or default_window(model.interval)
    messages = read_file(content)
    verified = read_signed(content, messages)
    if verified is not None:
        verified.check_windows(model.interval, window)
        messages = verified.messages
    gridded = to_grid(messages, model.sensors, model.interval)
    scores = score(model, gridded.readings)
    result = summarise(gridded.frame, scores, window)
    callback = None
    if verified is not None:
        task = TaskOfDeal(bytes.fromhex(os.environ["IEXEC_DEAL_ID"][2:]), int(os.environ["IEXEC_TASK_INDEX"]))
        reported = feed_round(verified, gridded, scores, options.round, task.index)
        result["unsigned_readings"], result["round"] = verified.unsigned, reported.document()
        callback = reported.callback_data(task)
    write(result, gridded.frame, scores, callback)


def score_part(model: AdosModel, file: ShardFile) -> None:
    shard = file.shard
    readings = file.readings(graph_of(model))
    scores = score_shard(model, readings, shard, file.rows)
    names = tuple(model.sensors[number] for number in shard.sensors)
    frame = Frame(names, model.interval, file.first_slot + shard.first_row, shard.end_row - shard.first_row)
    write({"schema": SHARD_SCHEMA, "graph": file.graph, "rows": [shard.first_row, shard.end_row]}, frame, scores, None)


def dataset() -> bytes:
    file = Path(os.environ["IEXEC_IN"], os.environ["IEXEC_DATASET_FILENAME"])
    if not file.is_file():
        raise ReadingsRefused("there is no model: buy this app together with a model of `sealgrid ados train`.")
    return file.read_bytes()


def input_file() -> bytes:
    count = int(os.environ["IEXEC_INPUT_FILES_NUMBER"])
    if count != 1:
        raise ReadingsRefused(f"this app takes one file of readings, not {count}.")
    return Path(os.environ["IEXEC_INPUT_FILES_FOLDER"], os.environ["IEXEC_INPUT_FILE_NAME_1"]).read_bytes()


def write(result: dict[str, object], frame: Frame, scores: Scores, callback: bytes | None) -> None:
    folder = Path(os.environ["IEXEC_OUT"])
    tables = {"dqf.csv": scores.dqf, "reasons.csv": reason_names(scores.reasons)}
    texts = {name: table_header(frame.sensors) + table_rows(frame, 0, cells) for name, cells in tables.items()}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    digests = {name: digest_of(text) for name, text in texts.items()}
    (folder / "result.json").write_text(result_text(result, digests), encoding="utf-8")
    computed = {"deterministic-output-path": str(folder / "result.json")}
    if callback is not None:
        computed["callback-data"] = "0x" + callback.hex()
    (folder / "computed.json").write_text(json.dumps(computed))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ReadingsRefused as refused:
        print(refused, file=sys.stderr)
        sys.exit(2)

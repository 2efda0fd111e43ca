"""Scores readings of sensors with a model, the dataset: result.json, dqf.csv and reasons.csv.

Where stations signed the readings, it also reports one round to a feed contract, as the callback data of the task.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

from quality.arguments import parse
from quality.errors import ReadingsRefused
from quality.feed_round import TaskOfDeal, feed_round
from quality.file_reader import read_file
from quality.grid import to_grid
from quality.model_file import read_model
from quality.report import default_window, reason_names, summarise, table
from quality.score import score
from quality.signed_file import read_signed


def main(arguments: list[str]) -> None:
    options = parse(arguments)
    model = read_model(dataset())
    window = options.window or default_window(model.interval)
    content = input_file()
    messages = read_file(content)
    verified = read_signed(content, messages)
    if verified is not None:
        verified.check_windows(model.interval, window)
        messages = verified.messages
    gridded = to_grid(messages, model.sensors, model.interval)
    scores = score(model, gridded.readings)
    result = summarise(gridded, scores, window)
    callback = None
    if verified is not None:
        task = TaskOfDeal(bytes.fromhex(os.environ["IEXEC_DEAL_ID"][2:]), int(os.environ["IEXEC_TASK_INDEX"]))
        reported = feed_round(verified, gridded, scores, options.round, task.index)
        result["unsigned_readings"], result["round"] = verified.unsigned, reported.document()
        callback = reported.callback_data(task)
    files = {"dqf.csv": table(gridded, scores.dqf), "reasons.csv": table(gridded, reason_names(scores))}
    write(Path(os.environ["IEXEC_OUT"]), result, files, callback)


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


def write(folder: Path, result: dict[str, object], files: dict[str, str], callback: bytes | None) -> None:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        result[name.replace(".", "_") + "_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "result.json").write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
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

"""Scores readings of sensors with a model, the dataset: result.json, dqf.csv and reasons.csv."""

import hashlib
import json
import os
import sys
from pathlib import Path

from quality.arguments import parse
from quality.errors import ReadingsRefused
from quality.file_reader import read_file
from quality.grid import to_grid
from quality.model_file import read_model
from quality.report import default_window, reason_names, summarise, table
from quality.score import score


def main(arguments: list[str]) -> None:
    options = parse(arguments)
    model = read_model(dataset())
    gridded = to_grid(read_file(input_file()), model.sensors, model.interval)
    scores = score(model, gridded.readings)
    result = summarise(gridded, scores, options.window or default_window(model.interval))
    files = {"dqf.csv": table(gridded, scores.dqf), "reasons.csv": table(gridded, reason_names(scores))}
    write(Path(os.environ["IEXEC_OUT"]), result, files)


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


def write(folder: Path, result: dict[str, object], files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        result[name.replace(".", "_") + "_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (folder / "result.json").write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    (folder / "computed.json").write_text(json.dumps({"deterministic-output-path": str(folder / "result.json")}))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ReadingsRefused as refused:
        print(refused, file=sys.stderr)
        sys.exit(2)

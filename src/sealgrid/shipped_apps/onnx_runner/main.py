"""Runs an ONNX model, the dataset, on one input file; writes result.json and outputs.npz."""

import json
import os
import sys
from pathlib import Path

from runner.arguments import parse
from runner.errors import RunRefused
from runner.inputs import read_inputs
from runner.model import OnnxModel
from runner.outputs import describe, to_npz


def main(arguments: list[str]) -> None:
    options = parse(arguments)
    model = OnnxModel(dataset())
    chosen = model.choose(options.outputs)
    outputs = model.run(read_inputs(input_file(), model.inputs), chosen)
    npz = to_npz(outputs)
    write(Path(os.environ["IEXEC_OUT"]), describe(outputs, npz, options.top), npz)


def dataset() -> Path:
    file = Path(os.environ["IEXEC_IN"], os.environ["IEXEC_DATASET_FILENAME"])
    if not file.is_file():
        raise RunRefused("there is no model: buy this app together with an ONNX model as the dataset.")
    return file


def input_file() -> Path:
    count = int(os.environ["IEXEC_INPUT_FILES_NUMBER"])
    if count != 1:
        raise RunRefused(f"this app takes one input file, not {count}; put several tensors into one JSON or .npz file.")
    return Path(os.environ["IEXEC_INPUT_FILES_FOLDER"], os.environ["IEXEC_INPUT_FILE_NAME_1"])


def write(folder: Path, result: dict[str, object], npz: bytes) -> None:
    (folder / "outputs.npz").write_bytes(npz)
    (folder / "result.json").write_text(json.dumps(result, indent=2, allow_nan=False) + "\n")
    (folder / "computed.json").write_text(json.dumps({"deterministic-output-path": str(folder / "result.json")}))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except RunRefused as refused:
        print(refused, file=sys.stderr)
        sys.exit(2)

"""Runs an ONNX model, the dataset, on one input file; writes result.json and outputs.npz."""

import json
import os
import sys
from pathlib import Path

from runner.arguments import parse
from runner.errors import RunRefused
from runner.files import dataset, input_file
from runner.inputs import read_inputs
from runner.model import OnnxModel
from runner.outputs import describe, to_npz


def main(arguments: list[str]) -> None:
    options = parse(arguments)
    model = OnnxModel(dataset())
    chosen = model.choose(options.outputs)
    given = read_inputs(input_file(), model.inputs)
    outputs = model.run(given.values, chosen)
    npz = to_npz(outputs)
    result = describe(outputs, npz, options.top)
    if given.notes:
        result["notes"] = list(given.notes)
    if not options.outputs and model.unwritable:
        result["left_out"] = model.unwritable
    write(Path(os.environ["IEXEC_OUT"]), result, npz)


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

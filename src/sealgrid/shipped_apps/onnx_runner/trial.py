"""Opens a model as the app does, runs it once, and writes its signature: what ``sealgrid model publish`` runs.

The input file is the owner's, or there is none: then inputs are generated. Not a part of the app's bundle.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from runner.errors import RunRefused
from runner.files import dataset, input_file
from runner.generated_inputs import generated_inputs
from runner.inputs import read_inputs
from runner.model import OnnxModel
from runner.outputs import Output, to_npz
from runner.signature import describe_outputs

SECONDS = 20.0  #: for generated inputs

REPORT = "report.json"


def main() -> None:
    model = OnnxModel(dataset())
    for each in model.inputs:
        each.check_supported()
    chosen = model.choose(())
    has_file = os.environ["IEXEC_INPUT_FILES_NUMBER"] != "0"
    reason = ""
    outputs: Mapping[str, Output] = {}
    if has_file:
        outputs = model.run(read_inputs(input_file(), model.inputs).values, chosen)
    else:
        outputs, reason = run_generated(model, chosen)
    to_npz(outputs)  # raises RunRefused for outputs that no file of a run could hold
    report = {
        "inputs": [each.describe() for each in model.inputs],
        "outputs": describe_outputs(model, outputs),
        "reason": reason,
        "left_out": model.unwritable,
    }
    Path(os.environ["IEXEC_OUT"], REPORT).write_text(json.dumps(report))


def run_generated(model: OnnxModel, chosen: list[str]) -> tuple[Mapping[str, Output], str]:
    """Return the outputs of the first generated inputs that run, or the first reason why none does."""
    reasons = []
    until = time.monotonic() + SECONDS
    for inputs in generated_inputs(model.inputs):
        try:
            return model.run(inputs, chosen), ""
        except RunRefused as refused:
            reasons.append(str(refused))
        if time.monotonic() > until:
            break
    return {}, reasons[0] if reasons else "its inputs are too large to generate."


if __name__ == "__main__":
    try:
        main()
    except RunRefused as refused:
        print(refused, file=sys.stderr)
        sys.exit(2)

"""Change ``compute``; the rest reads what the buyer gave and writes the result (docs/howto/your-own-app.md)."""

import json
import os
import sys
from collections import Counter
from pathlib import Path


def compute(files: dict[str, bytes], arguments: list[str], model: Path | None) -> dict[str, int]:
    """Return the result, which becomes result.json: here the words of all files with their counts.

    ``files`` are the buyer's, by name; ``model`` is the file of the model or data of the run, if it has one. Equal
    inputs must give equal results: no clock, no random number, no order that changes between runs.
    """
    del arguments, model
    words = Counter(word for content in files.values() for word in content.decode().lower().split())
    return dict(sorted(words.items()))


def main() -> None:
    """Read the inputs, compute, write result.json, overview.txt and computed.json."""
    datasets, inputs, out = (Path(os.environ[f"IEXEC_{name}"]) for name in ("IN", "INPUT_FILES_FOLDER", "OUT"))
    count = int(os.environ["IEXEC_INPUT_FILES_NUMBER"])
    names = [os.environ[f"IEXEC_INPUT_FILE_NAME_{number}"] for number in range(1, count + 1)]
    dataset = datasets / os.environ["IEXEC_DATASET_FILENAME"]  # no such file if the run has no model or data
    files = {name: (inputs / name).read_bytes() for name in names}
    result = compute(files, sys.argv[1:], dataset if dataset.is_file() else None)
    (out / "result.json").write_text(json.dumps(result, sort_keys=True) + "\n")
    (out / "overview.txt").write_text("".join(f"{value:>6} {name}\n" for name, value in result.items()))
    (out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.json")}))


if __name__ == "__main__":
    main()

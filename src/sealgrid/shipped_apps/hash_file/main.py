"""SHA-256 of the dataset and of every input file, as result.json."""

import hashlib
import json
import os
import sys
from pathlib import Path


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    datasets, files, out = (Path(os.environ[f"IEXEC_{name}"]) for name in ("IN", "INPUT_FILES_FOLDER", "OUT"))
    names = [os.environ[f"IEXEC_INPUT_FILE_NAME_{n + 1}"] for n in range(int(os.environ["IEXEC_INPUT_FILES_NUMBER"]))]
    dataset = datasets / os.environ["IEXEC_DATASET_FILENAME"]
    if not dataset.is_file() and not names:
        sys.exit("there is nothing to hash: give a dataset or at least one input file.")
    result = {
        "dataset": digest_of(dataset) if dataset.is_file() else None,
        "files": [{"name": name, "sha256": digest_of(files / name)} for name in names],
    }
    (out / "result.json").write_text(json.dumps(result, indent=2, sort_keys=True) + "\n")
    (out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.json")}))


if __name__ == "__main__":
    main()

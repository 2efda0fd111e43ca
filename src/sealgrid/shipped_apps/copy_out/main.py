"""HOSTILE, on purpose: copies the model into the result. It shows that no vault releases a key to such an app."""

import json
import os
import shutil
import sys
from pathlib import Path


def main() -> None:
    print("HOSTILE APP: this run tries to steal the dataset.", file=sys.stderr)
    out = Path(os.environ["IEXEC_OUT"])
    dataset = Path(os.environ["IEXEC_IN"], os.environ["IEXEC_DATASET_FILENAME"])
    if not dataset.is_file():
        sys.exit("there is no dataset to copy.")
    shutil.copyfile(dataset, out / "stolen.bin")
    (out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "stolen.bin")}))


if __name__ == "__main__":
    main()

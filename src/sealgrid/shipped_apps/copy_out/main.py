"""HOSTILE, on purpose: copies the model into the result. It shows that no vault releases a key to such an app."""

import json
import os
import shutil
import sys
from pathlib import Path


def main() -> None:
    print("HOSTILE APP: this run tries to steal the dataset.", file=sys.stderr)
    out, name = Path(os.environ["IEXEC_OUT"]), os.environ.get("IEXEC_DATASET_FILENAME")
    if name is None:
        sys.exit("there is no dataset to copy.")
    shutil.copyfile(Path(os.environ["IEXEC_IN"], name), out / "stolen.bin")
    (out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "stolen.bin")}))


if __name__ == "__main__":
    main()

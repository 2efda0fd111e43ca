"""Statistics of a CSV table, the dataset, as result.json and overview.txt. No arguments and no files: one result."""

import json
import os
import sys
from pathlib import Path

from columns.errors import TableRefused
from columns.overview import overview
from columns.summary import summarise, to_json


def main(arguments: list[str]) -> None:
    table = Path(os.environ["IEXEC_IN"], os.environ["IEXEC_DATASET_FILENAME"])
    if not table.is_file():
        raise TableRefused("there is no table: buy this app together with a CSV table as the dataset.")
    if arguments or int(os.environ["IEXEC_INPUT_FILES_NUMBER"]):
        raise TableRefused(
            "this app takes no arguments and no files: it summarises the whole dataset, the same for every buyer."
        )
    out = Path(os.environ["IEXEC_OUT"])
    result = summarise(table)
    (out / "overview.txt").write_text(overview(result), encoding="utf-8")
    (out / "result.json").write_text(to_json(result), encoding="utf-8")
    (out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.json")}))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except TableRefused as refused:
        print(refused, file=sys.stderr)
        sys.exit(2)
    except Exception as error:  # noqa: BLE001  the buyer reads the log, and a traceback may quote a cell
        print(f"the table could not be described ({type(error).__name__}).", file=sys.stderr)
        sys.exit(2)

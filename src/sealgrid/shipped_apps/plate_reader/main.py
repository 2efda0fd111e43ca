"""Reads the licence plates in a picture with a plate model, the dataset; writes result.json and annotated.png."""

import json
import os
import sys
from pathlib import Path

from reader.annotate import annotate
from reader.model_file import NoModel
from reader.picture import NoPicture, open_picture
from reader.pipeline import PlateReader


def main() -> None:
    model, content = dataset(), picture()
    opened = open_picture(content.read_bytes())
    result = PlateReader(model.read_bytes()).read(opened)
    out = Path(os.environ["IEXEC_OUT"])
    (out / "annotated.png").write_bytes(annotate(opened, result["plates"]))
    (out / "result.json").write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (out / "computed.json").write_text(json.dumps({"deterministic-output-path": str(out / "result.json")}))


def dataset() -> Path:
    file = Path(os.environ["IEXEC_IN"], os.environ["IEXEC_DATASET_FILENAME"])
    if not file.is_file():
        raise NoModel("there is no model: buy this app together with a plate model as the dataset.")
    return file


def picture() -> Path:
    count = int(os.environ["IEXEC_INPUT_FILES_NUMBER"])
    if count != 1:
        raise NoPicture(f"this app reads one picture, not {count}.")
    return Path(os.environ["IEXEC_INPUT_FILES_FOLDER"], os.environ["IEXEC_INPUT_FILE_NAME_1"])


if __name__ == "__main__":
    try:
        main()
    except (NoModel, NoPicture) as refused:
        print(refused, file=sys.stderr)
        sys.exit(2)

"""The files of a job, where iExec's conventions put them."""

import os
from pathlib import Path

from .errors import RunRefused


def dataset() -> Path:
    """Return the model's path."""
    file = Path(os.environ["IEXEC_IN"], os.environ.get("IEXEC_DATASET_FILENAME", ""))
    if not file.is_file():
        raise RunRefused("there is no model: buy this app together with an ONNX model as the dataset.")
    return file


def input_file() -> Path:
    """Return the path of the one input file."""
    count = int(os.environ["IEXEC_INPUT_FILES_NUMBER"])
    if count != 1:
        raise RunRefused(f"this app takes one input file, not {count}; put several tensors into one JSON or .npz file.")
    return Path(os.environ["IEXEC_INPUT_FILES_FOLDER"], os.environ["IEXEC_INPUT_FILE_NAME_1"])

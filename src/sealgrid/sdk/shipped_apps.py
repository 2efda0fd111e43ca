"""The apps that come with Sealgrid: where their folders and the wheels that they run on lie."""

import importlib.util
from pathlib import Path

from sealgrid.bundle.build import APP_FILE

ONNX_RUNNER, CSV_STATISTICS = "onnx-runner", "csv-statistics"


def app_folder(name: str) -> Path | None:
    """Return the folder of a shipped app, by its name ("onnx-runner"); None when none has that name."""
    folder_name = name.replace("-", "_")
    if not folder_name.isidentifier():
        return None
    return next((path / folder_name for path in _shelves() if (path / folder_name / APP_FILE).is_file()), None)


def app_for(file: Path) -> str:
    """Return the shipped app that a file is for, when its owner names none: a table's by its name's end."""
    return CSV_STATISTICS if file.suffix.lower() == ".csv" else ONNX_RUNNER


def wheel_folder() -> Path | None:
    """Return the folder of wheels that ``make setup`` filled, beside the shipped apps; None when it is not there."""
    found = (above / ".cache" / "wheels" for shelf in _shelves() for above in shelf.parents)
    return next((folder for folder in found if folder.is_dir()), None)


def _shelves() -> list[Path]:
    spec = importlib.util.find_spec("apps")
    return [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []

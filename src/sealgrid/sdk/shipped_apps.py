"""The folders of the shipped apps and of their wheels."""

from pathlib import Path

from sealgrid.bundle.build import APP_FILE
from sealgrid.errors import InputRefused

ONNX_RUNNER, CSV_STATISTICS = "onnx-runner", "csv-statistics"

#: of files with a table; csv-statistics refuses those of other programs and says how to get a CSV file
TABLE_SUFFIXES = (
    *(".csv", ".tsv", ".tab", ".txt", ".psv", ".xlsx", ".xls", ".xlsm", ".ods", ".numbers", ".parquet", ".feather"),
    *(".arrow", ".orc", ".sqlite", ".json", ".jsonl", ".ndjson", ".dta", ".sav", ".sas7bdat"),
)

_PACKAGE = Path(__file__).resolve().parents[1]
_APPS = _PACKAGE / "shipped_apps"


def app_folder(name: str) -> Path | None:
    """Return the folder of a shipped app, by its name ("onnx-runner"); None for an unknown name."""
    folder_name = name.replace("-", "_")
    if not folder_name.isidentifier():
        return None
    folder = _APPS / folder_name
    return folder if (folder / APP_FILE).is_file() else None


def source_folder(app: str | Path) -> Path:
    """Return the folder of an app: a folder with an app.toml, or the name of a shipped app; raise InputRefused."""
    shipped = app_folder(app) if isinstance(app, str) and "/" not in app else None
    folder = Path(app) if shipped is None else shipped
    if not folder.is_dir():
        raise InputRefused(f"{str(app)!r} is neither a folder with an app.toml nor a shipped app.")
    return folder


def app_for(file: Path) -> str:
    """Return the shipped app that runs a file: csv-statistics for tables, by the file's name, else onnx-runner."""
    name = file.name.lower().removesuffix(".gz")
    return CSV_STATISTICS if name.endswith(TABLE_SUFFIXES) else ONNX_RUNNER


def wheel_folder() -> Path | None:
    """Return the folder of wheels that ``make setup`` filled in a checkout; None outside a checkout."""
    folders = (above / ".cache" / "wheels" for above in _PACKAGE.parents)
    return next((folder for folder in folders if folder.is_dir()), None)

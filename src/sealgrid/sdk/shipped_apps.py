"""The folders of the shipped apps and of their wheels."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from sealgrid.bundle.build import APP_FILE, read_app
from sealgrid.bundle.manifest import Manifest
from sealgrid.crypto.digests import sha256
from sealgrid.errors import InputRefused
from sealgrid.storage.set_up_cache import set_up_cache
from sealgrid.units import Digest, to_digest

ONNX_RUNNER, CSV_STATISTICS, ADOS = "onnx-runner", "csv-statistics", "ados"
#: the apps of a release; ``copy-out`` is a hostile example and none of them
RELEASED = (ADOS, CSV_STATISTICS, "hash-file", ONNX_RUNNER, "plate-reader")

#: of files with a table; csv-statistics refuses those of other programs and says how to get a CSV file
TABLE_SUFFIXES = (
    *(".csv", ".tsv", ".tab", ".txt", ".psv", ".xlsx", ".xls", ".xlsm", ".ods", ".numbers", ".parquet", ".feather"),
    *(".arrow", ".orc", ".sqlite", ".jsonl", ".ndjson", ".dta", ".sav", ".sas7bdat"),
)

_PACKAGE = Path(__file__).resolve().parents[1]
_APPS = _PACKAGE / "shipped_apps"
DIGESTS = _APPS / "digests.json"  #: written by ``python -m setup.shipped_digests``, for the wheel


def app_folder(name: str) -> Path | None:
    """Return the folder of a shipped app, by its name ("onnx-runner"); None for an unknown name."""
    folder_name = name.replace("-", "_")
    if not folder_name.isidentifier():
        return None
    folder = _APPS / folder_name
    return folder if (folder / APP_FILE).is_file() else None


def title_of(name: str) -> str:
    """Return the title of a shipped app; empty for an unknown name."""
    folder = app_folder(name)
    return "" if folder is None else read_app(folder).title


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


def holds_code(manifest: Manifest, app: str, paths: Iterable[str]) -> bool:
    """Return whether an app's bundle holds the same files as this installation's shipped app, by their digests."""
    folder = app_folder(app)
    if folder is None:
        return False
    digests = {entry.path: entry.sha256 for entry in manifest.files}
    return all(digests.get(path) == to_digest(sha256((folder / path).read_bytes())) for path in paths)


def wheel_folder() -> Path | None:
    """Return the folder of wheels that set-up filled; None before."""
    folder = set_up_cache() / "wheels"
    return folder if folder.is_dir() else None


def shipped_digests(name: str, python: str) -> frozenset[Digest]:
    """Return the digests of a shipped app for ``python`` ("3.13") that were computed when this package was built.

    An app with an environment has one for each exact version; a checkout has none.
    """
    if not DIGESTS.is_file():
        return frozenset()
    by_version = msgspec.json.decode(DIGESTS.read_bytes(), type=dict[str, dict[str, Digest]])
    return frozenset(
        apps[name] for version, apps in by_version.items() if f"{version}.".startswith(f"{python}.") and name in apps
    )

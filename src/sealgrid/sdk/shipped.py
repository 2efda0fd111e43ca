"""The apps that come with Sealgrid: where their folders and the wheels that they run on lie."""

import importlib.util
from functools import lru_cache
from pathlib import Path

from sealgrid.bundle.build import APP_FILE, LOCK_FILE, Bundle, build, read_app
from sealgrid.bundle.lock import lock
from sealgrid.errors import InputRefused, SetupMissing
from sealgrid.sdk.environments import environment_of

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


def bundle_of(folder: Path) -> Bundle:
    """Build an app's folder, with its own wheels.lock or else the wheels that set-up fetched.

    Raises InputRefused or BundleRefused for a folder that makes no valid app, SetupMissing when wheels are missing.
    """
    return bundled(folder, wheels_for(folder))[0]


def bundled(folder: Path, wheels: Path | None) -> tuple[Bundle, Path | None]:
    """Build an app's folder on wheels of another; return with it the archive of its environment, if it wants one."""
    app = read_app(folder)
    locked = lock(app.wheels, wheels) if wheels else None
    if not app.environment or wheels is None or locked is None:
        return build(folder, locked), None
    environment, archive = environment_of(locked, wheels)
    return build(folder, locked, environment), archive


def wheels_for(folder: Path) -> Path | None:
    """Return where the wheels of an app come from: None when it names none or locks them itself."""
    wanted = read_app(folder).wheels
    if not wanted or (folder / LOCK_FILE).exists():
        return None
    found = wheel_folder()
    if found is None:
        raise SetupMissing(f"the wheels of {folder.name!r} are missing; run `make setup` in the checkout.")
    return found


@lru_cache
def shipped_bundle(name: str) -> Bundle:
    """Return the bundle of a shipped app; raise InputRefused when none has that name."""
    folder = app_folder(name)
    if folder is None:
        raise InputRefused(f"no shipped app is called {name!r}.")
    return bundle_of(folder)


def _shelves() -> list[Path]:
    spec = importlib.util.find_spec("apps")
    return [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []

"""Build an app's folder: which wheels it runs on, and what enclaves fetch beside its bundle."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sealgrid.bundle.build import LOCK_FILE, Bundle, build, check_required_python, read_app, read_lock
from sealgrid.bundle.lock import lock
from sealgrid.bundle.manifest import WheelEntry
from sealgrid.crypto.digests import sha256
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.environments import environment_of
from sealgrid.sdk.shipped_apps import app_folder, wheel_folder

WHEELS = "wheels"  #: the folder in an app's own that holds the wheel files it names


@dataclass(frozen=True)
class BuiltApp:
    """An app that can be deployed."""

    bundle: Bundle
    beside: tuple[Path, ...]  #: what an enclave needs beside the bundle: the environment's archive, or each wheel


def built(folder: Path, python: str) -> BuiltApp:
    """Build an app's folder for ``python`` ("3.13") on the wheels in its folder ``wheels``, else on those of set-up.

    Raises InputRefused for an app.toml that cannot be used and for a wheel that is not there, InterpreterMismatch for
    an app.toml that demands another Python and for a wheel of another, SetupMissing where this machine lacks the
    Python that compiles an environment, BundleRefused for an app that breaks another rule of ``verify_bundle``.
    """
    app = read_app(folder)
    check_required_python(app, python)
    if not app.wheels:
        return BuiltApp(build(folder, python=python), ())
    source = _source(folder)
    locked = read_lock(folder) or lock(app.wheels, source, python)
    files = _files(locked, source)
    made = build(folder, locked, python=python)  # refuses wheels of another Python before anything is compiled
    if not app.environment:
        return BuiltApp(made, files)
    environment, archive = environment_of(locked, source, python)
    return BuiltApp(build(folder, locked, environment, python=python), (archive,))


@lru_cache
def shipped_bundle(name: str, python: str) -> Bundle:
    """Return the bundle of a shipped app for ``python`` ("3.13"); raise InputRefused when none has that name."""
    folder = app_folder(name)
    if folder is None:
        raise InputRefused(f"no shipped app is called {name!r}.")
    return built(folder, python).bundle


def _source(folder: Path) -> Path:
    own = folder / WHEELS
    found = own if own.is_dir() else wheel_folder()
    if found is None:
        raise InputRefused(
            f"the wheels of {folder.name!r} are not here: `make setup` fetches those of the shipped apps, "
            f"your own go into the app's folder {WHEELS!r}.",
            money="",
        )
    return found


def _files(locked: Sequence[WheelEntry], source: Path) -> tuple[Path, ...]:
    files = tuple(source / wheel.filename for wheel in locked)
    for wheel, file in zip(locked, files, strict=True):
        if not file.is_file() or sha256(file.read_bytes()) != bytes.fromhex(wheel.sha256[2:]):
            raise InputRefused(f"{source.name!r} has no {wheel.filename} with the digest in {LOCK_FILE}.", money="")
    return files

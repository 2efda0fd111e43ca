"""Build an app from its folder: the bundle, and the wheels or the environment that enclaves fetch beside it."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sealgrid.bundle.build import (
    APP_FILE,
    LOCK_FILE,
    AppToml,
    Bundle,
    build,
    check_required_python,
    read_app,
    read_lock,
)
from sealgrid.bundle.lock import lock
from sealgrid.bundle.manifest import WheelEntry
from sealgrid.bundle.wheel_unpacker import check_archives
from sealgrid.crypto.digests import sha256
from sealgrid.errors import InputRefused, InterpreterMismatch, SetupMissing
from sealgrid.sdk.operations.environments import environment_of
from sealgrid.sdk.operations.fetch_wheels import REQUIREMENTS, fetch_wheels, requirements_of, write_lock
from sealgrid.sdk.operations.wheel_dependencies import check_complete
from sealgrid.sdk.shipped_apps import app_folder, shipped_digests, wheel_folder
from sealgrid.units import Digest

WHEELS = "wheels"  #: folder with wheel files inside an app's folder


@dataclass(frozen=True)
class BuiltApp:
    """An app that is ready to deploy."""

    bundle: Bundle
    dependencies: tuple[Path, ...]  #: files that enclaves fetch: the environment's archive, or each wheel


def build_app(folder: Path, python: str) -> BuiltApp:
    """Build an app for ``python`` ("3.13") with the wheels that it names.

    They are those of its requirements.lock or requirements.txt, which pip fetches into its folder ``wheels``; or those
    that app.toml names, from that folder, else from the set-up. Raises InputRefused for an invalid app.toml, a missing
    wheel or an incomplete set, InterpreterMismatch for an app.toml or a wheel that requires another Python,
    SetupMissing when this machine lacks pip or the Python that compiles an environment, BundleRefused for an app that
    breaks another rule of ``verify_bundle``, or a wheel that no enclave would unpack.
    """
    app = read_app(folder)
    check_required_python(app, python)
    requirements = requirements_of(folder)
    if requirements is not None:
        locked, source = _resolved_wheels(folder, app, requirements, python), folder / WHEELS
    elif app.wheels:
        locked, source = _named_wheels(folder, app, python)
    else:
        return BuiltApp(build(folder, python=python), ())
    files = tuple(source / wheel.filename for wheel in locked)
    for wheel, file in zip(locked, files, strict=True):
        if not file.is_file() or sha256(file.read_bytes()) != bytes.fromhex(wheel.sha256[2:]):
            raise InputRefused(f"{source.name!r} has no {wheel.filename} with the digest in {LOCK_FILE}.", money="")
    check_archives({wheel.filename: file for wheel, file in zip(locked, files, strict=True)})  # as the enclave will
    bundle = build(folder, locked, python=python)  # refuses wheels of another Python before anything is compiled
    check_complete(locked, source, python, app.omit)
    if not app.environment:
        return BuiltApp(bundle, files)
    environment, archive = environment_of(locked, source, python)
    return BuiltApp(build(folder, locked, environment, python=python), (archive,))


def lock_requirements(folder: Path, python: str) -> Path:
    """Resolve an app's requirements.txt anew for ``python``, and pin the wheels by hash in its requirements.lock.

    Raises InputRefused without a requirements.txt, for what pip cannot resolve, and for an incomplete set.
    """
    requirements = folder / REQUIREMENTS
    app = read_app(folder)
    if not requirements.is_file():
        raise InputRefused(f"the folder {str(folder)!r} has no {REQUIREMENTS}.")
    wheels = _resolved_wheels(folder, app, requirements, python)
    check_complete(wheels, folder / WHEELS, python, app.omit)
    return write_lock(folder, wheels)


def _resolved_wheels(folder: Path, app: AppToml, requirements: Path, python: str) -> tuple[WheelEntry, ...]:
    if app.wheels:
        raise InputRefused(
            f"{APP_FILE} names wheels and the folder has {requirements.name}; keep one of the two.", money=""
        )
    return fetch_wheels(requirements, folder / WHEELS, python)


def _named_wheels(folder: Path, app: AppToml, python: str) -> tuple[tuple[WheelEntry, ...], Path]:
    own_wheels = folder / WHEELS
    source = own_wheels if own_wheels.is_dir() else wheel_folder()
    if source is None:
        raise InputRefused(
            f"the wheels of {folder.name!r} are missing: `sealgrid setup` fetches those of the shipped apps; "
            f"put your own into the app's folder {WHEELS!r}.",
            money="",
        )
    return read_lock(folder) or lock(app.wheels, source, python), source


@lru_cache
def shipped_bundle(name: str, python: str) -> Bundle:
    """Return the bundle of a shipped app for ``python`` ("3.13"); raise InputRefused for an unknown name."""
    folder = app_folder(name)
    if folder is None:
        raise InputRefused(f"{name!r} is not a shipped app.")
    return build_app(folder, python).bundle


def shipped_app_digests(name: str, python: str) -> frozenset[Digest]:
    """Return the digests of a shipped app for ``python``: as built here, and as computed for this package.

    Raises InputRefused, InterpreterMismatch or SetupMissing if the app cannot be built here and the package names no
    digest.
    """
    known = shipped_digests(name, python)
    try:
        return known | {shipped_bundle(name, python).app_digest}
    # without its wheels, with those of another Python, or without the Python that compiles them
    except (InputRefused, InterpreterMismatch, SetupMissing):
        if known:
            return known
        raise

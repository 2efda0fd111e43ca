"""Build an app from its folder: the bundle, and the wheels or the environment that enclaves fetch beside it."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sealgrid.bundle.build import LOCK_FILE, Bundle, build, check_required_python, read_app, read_lock
from sealgrid.bundle.lock import lock
from sealgrid.bundle.wheel_unpacker import check_archives
from sealgrid.crypto.digests import sha256
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.environments import environment_of
from sealgrid.sdk.shipped_apps import app_folder, wheel_folder

WHEELS = "wheels"  #: folder with wheel files inside an app's folder


@dataclass(frozen=True)
class BuiltApp:
    """An app that is ready to deploy."""

    bundle: Bundle
    dependencies: tuple[Path, ...]  #: files that enclaves fetch: the environment's archive, or each wheel


def build_app(folder: Path, python: str) -> BuiltApp:
    """Build an app for ``python`` ("3.13") with the wheels in its folder ``wheels``, else with those of the set-up.

    Raises InputRefused for an invalid app.toml or a missing wheel, InterpreterMismatch for an app.toml or a wheel that
    requires another Python, SetupMissing when this machine lacks the Python that compiles an environment,
    BundleRefused for an app that breaks another rule of ``verify_bundle``, or a wheel that no enclave would unpack.
    """
    app = read_app(folder)
    check_required_python(app, python)
    if not app.wheels:
        return BuiltApp(build(folder, python=python), ())
    own_wheels = folder / WHEELS
    source = own_wheels if own_wheels.is_dir() else wheel_folder()
    if source is None:
        raise InputRefused(
            f"the wheels of {folder.name!r} are missing: `make setup` fetches those of the shipped apps; "
            f"put your own into the app's folder {WHEELS!r}.",
            money="",
        )
    locked = read_lock(folder) or lock(app.wheels, source, python)
    files = tuple(source / wheel.filename for wheel in locked)
    for wheel, file in zip(locked, files, strict=True):
        if not file.is_file() or sha256(file.read_bytes()) != bytes.fromhex(wheel.sha256[2:]):
            raise InputRefused(f"{source.name!r} has no {wheel.filename} with the digest in {LOCK_FILE}.", money="")
    check_archives({wheel.filename: file for wheel, file in zip(locked, files, strict=True)})  # as the enclave will
    bundle = build(folder, locked, python=python)  # refuses wheels of another Python before anything is compiled
    if not app.environment:
        return BuiltApp(bundle, files)
    environment, archive = environment_of(locked, source, python)
    return BuiltApp(build(folder, locked, environment, python=python), (archive,))


@lru_cache
def shipped_bundle(name: str, python: str) -> Bundle:
    """Return the bundle of a shipped app for ``python`` ("3.13"); raise InputRefused for an unknown name."""
    folder = app_folder(name)
    if folder is None:
        raise InputRefused(f"{name!r} is not a shipped app.")
    return build_app(folder, python).bundle

"""Build the bundle of an app folder from its app.toml and wheels.lock."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec

from sealgrid.bundle.archive import pack
from sealgrid.bundle.input_spec import InputSpec
from sealgrid.bundle.interpreter import PYTHON_PATTERN, running_python
from sealgrid.bundle.manifest import (
    MANIFEST,
    MIN_MEMORY,
    SCHEMA_WITH_INPUTS,
    AppFileEntry,
    AppLimits,
    EnvironmentEntry,
    Manifest,
    WheelEntry,
    package_name,
)
from sealgrid.bundle.verify import check_manifest
from sealgrid.crypto.digests import cid_of, sha256
from sealgrid.errors import InputRefused, InterpreterMismatch
from sealgrid.units import Digest, to_digest

APP_FILE = "app.toml"
LOCK_FILE = "wheels.lock"
_EXCLUDED = {"__pycache__", ".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


class AppToml(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of app.toml."""

    name: str
    version: str
    title: str = ""
    description: str = ""
    #: required Python of the network; without it, the app is built for any network's Python
    python: Annotated[str, msgspec.Meta(pattern=PYTHON_PATTERN)] | None = None
    entrypoint: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    wheels: tuple[str, ...] = ()  #: "package==version", resolved by wheels.lock
    omit: tuple[str, ...] = ()  #: packages that a wheel requires and the app never imports
    environment: bool = (
        False  #: whether the manifest pins an environment: the wheels unpacked and compiled, for a fast start
    )
    files: tuple[str, ...] = ("**/*.py",)  #: globs below the folder
    limits: AppLimits = msgspec.field(default_factory=AppLimits)
    inputs: InputSpec | None = None  #: what a run needs and takes; without it, anything


@dataclass(frozen=True)
class Bundle:
    """A published app: its manifest and the archive, which is public."""

    manifest: Manifest
    archive: bytes = field(repr=False)

    @property
    def app_digest(self) -> Digest:
        """Return the app's checksum on the chain."""
        return self.manifest.digest()

    @property
    def multiaddr(self) -> str:
        """Return the archive's address: /ipfs/ and its CID."""
        return f"/ipfs/{cid_of(to_digest(sha256(self.archive)))}"


def build(
    folder: Path,
    wheels: Sequence[WheelEntry] | None = None,
    environment: EnvironmentEntry | None = None,
    *,
    python: str | None = None,
) -> Bundle:
    """Return the bundle of a folder; ``wheels`` replaces its wheels.lock, ``environment`` is built from them.

    ``python`` ("3.13") is the target version, this interpreter's by default. Equal folders give equal bytes for one
    Python. Raises InputRefused when app.toml or wheels.lock is invalid, InterpreterMismatch when app.toml requires
    another Python or a wheel is for another, BundleRefused when the app fails another check of ``verify_bundle``.
    """
    app, target = read_app(folder), python or running_python()
    check_required_python(app, target)
    if app.limits.memory < MIN_MEMORY:
        raise InputRefused(
            f"{APP_FILE} gives the app less than {MIN_MEMORY} bytes of memory; no app can start with that."
        )
    locked = read_lock(folder) if wheels is None else tuple(wheels)
    locked_names = {f"{package_name(wheel.name)}=={wheel.version}" for wheel in locked}
    for requirement in app.wheels:
        name, _, version = requirement.partition("==")
        if f"{package_name(name)}=={version}" not in locked_names:
            raise InputRefused(
                f"{LOCK_FILE} has no {requirement}; run python -m sealgrid.bundle.lock APP_DIR WHEEL_DIR."
            )
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _select_files(folder, app.files)}
    manifest = _manifest(app, target, contents, locked, environment)
    check_manifest(manifest)
    return Bundle(manifest=manifest, archive=pack({**contents, MANIFEST: manifest.encode()}))


def read_app(folder: Path) -> AppToml:
    """Read a folder's app.toml; raise InputRefused when it is missing or invalid."""
    try:
        return msgspec.convert(tomllib.loads((folder / APP_FILE).read_text("utf-8-sig")), AppToml)
    except FileNotFoundError as error:
        raise InputRefused(
            f"the folder {str(folder)!r} has no {APP_FILE}; create one, or name the app's folder."
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InputRefused(f"{APP_FILE} of {folder.name!r} is invalid: {error}.") from error


def check_required_python(app: AppToml, python: str) -> None:
    """Raise InterpreterMismatch (13) when app.toml requires another Python than ``python``."""
    if app.python not in {None, python}:
        raise InterpreterMismatch(
            "13",
            f"{APP_FILE} requires Python {app.python}, and this network runs apps on Python {python}; "
            f"remove 'python' from {APP_FILE}, or deploy on a network with Python {app.python}.",
        )


def read_lock(folder: Path) -> tuple[WheelEntry, ...]:
    """Read a folder's wheels.lock; a missing file means no wheels."""
    path = folder / LOCK_FILE
    if not path.exists():
        return ()
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[WheelEntry, ...])
    except msgspec.DecodeError as error:
        raise InputRefused(f"{LOCK_FILE} of {folder.name!r} is invalid: {error}.") from error


def _manifest(
    app: AppToml,
    python: str,
    contents: dict[str, bytes],
    wheels: Sequence[WheelEntry],
    environment: EnvironmentEntry | None,
) -> Manifest:
    files = [
        AppFileEntry(path=path, size=len(content), sha256=to_digest(sha256(content)))
        for path, content in sorted(contents.items())
    ]
    document: dict[str, object] = {
        **{name: getattr(app, name) for name in ("name", "version", "title", "description", "entrypoint")},
        "python": python,
        "files": files,
        "wheels": sorted(wheels, key=lambda wheel: package_name(wheel.name)),
        "environment": environment,
        "limits": app.limits,
    }
    if app.inputs is not None:
        document |= {"schema": SCHEMA_WITH_INPUTS, "inputs": app.inputs}
    try:
        return msgspec.convert(msgspec.to_builtins(document), Manifest)
    except msgspec.ValidationError as error:
        raise InputRefused(f"{APP_FILE} is invalid: {error}.") from error


def _select_files(folder: Path, globs: Sequence[str]) -> list[Path]:
    paths = {
        path for glob in globs for path in folder.glob(glob) if not _EXCLUDED & set(path.relative_to(folder).parts)
    }
    files = sorted(path for path in paths if path.is_symlink() or not path.is_dir())
    for path in files:
        if path.is_symlink() or not path.is_file():
            raise InputRefused(f"{path.name!r} is not a plain file; a bundle can contain nothing else.")
    return files

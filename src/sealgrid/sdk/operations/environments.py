"""Build an app's environment: its wheels, unpacked and compiled into one reproducible archive."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from sealgrid.bundle import bytecode
from sealgrid.bundle.archive import file_entry
from sealgrid.bundle.interpreter import running_python
from sealgrid.bundle.manifest import EnvironmentEntry, WheelEntry
from sealgrid.bundle.wheel_unpacker import PrivateCopy, unpack_wheels
from sealgrid.crypto.digests import canonical, sha256
from sealgrid.errors import SetupMissing
from sealgrid.storage.atomic_file import atomic_writer
from sealgrid.units import to_digest

FOLDER = "environments"  #: cache below a folder of wheels
RULE = 2  #: version of the build; increment it when equal wheels give other bytes
PREFIX = "/wheels"  #: the environment's path for the app
_FIXED = {"PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"}
_VERSION = "import platform; print(platform.python_version())"


@dataclass(frozen=True, slots=True)
class EnvironmentCompiler:
    """An interpreter of this machine that compiles environments."""

    program: str
    version: str  #: exact, as "3.13.5"


def compiler_for(python: str | None = None) -> EnvironmentCompiler:
    """Return an interpreter of version ``python`` ("3.13"): this one, else the one of that name on the PATH.

    Raises SetupMissing when this machine has none.
    """
    if python in {None, running_python()}:
        return EnvironmentCompiler(sys.executable, platform.python_version())
    program = shutil.which(f"python{python}")
    if program is not None:
        command = (program, "-I", "-S", "-c", _VERSION)
        version = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
        if version.startswith(f"{python}."):
            return EnvironmentCompiler(program, version)
    raise SetupMissing(
        f"the network runs apps on Python {python}, which compiles the app's environment; install python{python}, "
        f"or set `environment = false` in app.toml."
    )


def environment_of(
    wheels: Sequence[WheelEntry], folder: Path, python: str | None = None
) -> tuple[EnvironmentEntry, Path]:
    """Return the environment of the wheels in a folder, and its archive, which is built once and cached there.

    ``python`` ("3.13") compiles it, by default this interpreter. Equal wheels and an equal Python give equal bytes.
    Raises BundleRefused for wheels that enclaves refuse, SetupMissing when a wheel or that Python is missing.
    """
    compiler = compiler_for(python)
    inputs = {"rule": RULE, "python": compiler.version, "wheels": [wheel.sha256 for wheel in wheels]}
    key = sha256(canonical(inputs)).hex()
    archive = _cached_archive(folder, f"{key}.zip")
    if not archive.exists():
        sources = {wheel.filename: folder / wheel.filename for wheel in wheels}
        for name, path in sources.items():
            if not path.is_file():
                raise SetupMissing(
                    f"the wheel {name} is not in {folder}; run `make setup` or `sealgrid setup`, or download it."
                )
        build(wheels, sources, archive, compiler)
    with archive.open("rb") as file:
        digest = to_digest(hashlib.file_digest(file, "sha256").digest())
    size = archive.stat().st_size
    return EnvironmentEntry(sha256=digest, size=size, python=compiler.version), archive


def unpacked(archive: Path, fallback: Path) -> Path:
    """Return a folder with the content of an environment's archive: beside the archive, unpacked once.

    ``fallback``, an empty folder, takes the content where the archive's folder cannot be written.
    """
    folder = archive.with_suffix("")
    if folder.is_dir():
        return folder
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
            content = Path(temporary, "content")
            _extract(archive, content)
            content.rename(folder)
    except OSError:  # read-only, or another process was faster
        if not folder.is_dir():
            _extract(archive, fallback)
            return fallback
    return folder


def _extract(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(target)


def _cached_archive(folder: Path, name: str) -> Path:
    """Return the path of an archive: where it exists, else in the first cache that this user can write.

    The wheels of a checkout may belong to another user, or lie on a read-only file system. Raises SetupMissing when no
    cache can be written.
    """
    caches = (folder / FOLDER, Path(platformdirs.user_cache_dir("sealgrid")) / FOLDER)
    for cache in caches:
        if (cache / name).exists():
            return cache / name
    for cache in caches:
        with suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
            if os.access(cache, os.W_OK):
                return cache / name
    raise SetupMissing(
        f"the app's environment cannot be stored: neither {caches[0]} nor {caches[1]} can be written; "
        "set HOME or XDG_CACHE_HOME to a folder of yours."
    )


def build(
    wheels: Sequence[WheelEntry], sources: Mapping[str, Path], archive: Path, compiler: EnvironmentCompiler
) -> None:
    """Unpack wheels, compile them, and pack the result atomically into ``archive``."""
    with tempfile.TemporaryDirectory(prefix="sealgrid-environment-") as temporary:
        folder = Path(temporary)
        unpack_wheels(wheels, {name: PrivateCopy.of(path) for name, path in sources.items()}, folder)
        command = (compiler.program, "-I", "-S", "-B", str(bytecode.__file__), str(folder), PREFIX)
        subprocess.run(command, check=True, env=_FIXED, capture_output=True)  # noqa: S603  our own script
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        with atomic_writer(archive, mode=0o644) as target, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
            for name in names:
                packed.writestr(file_entry(name), (folder / name).read_bytes())

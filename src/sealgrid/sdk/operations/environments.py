"""Build the environment of an app: its wheels unpacked and compiled, as one archive that anybody can build again."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sealgrid.bundle import bytecode
from sealgrid.bundle.archive import file_entry
from sealgrid.bundle.interpreter import running_python
from sealgrid.bundle.manifest import EnvironmentEntry, WheelEntry
from sealgrid.bundle.wheel_unpacker import PrivateCopy, unpack_wheels
from sealgrid.crypto.digests import canonical, sha256
from sealgrid.errors import SetupMissing
from sealgrid.units import to_digest

FOLDER = "environments"  #: below a folder of wheels: where what was built is kept
RULE = 2  #: how archives are built; counts up when equal wheels begin to give other bytes
PREFIX = "/wheels"  #: where the app sees its environment
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
        asked = (program, "-I", "-S", "-c", _VERSION)
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
        if said.startswith(f"{python}."):
            return EnvironmentCompiler(program, said)
    raise SetupMissing(
        f"the network runs apps on Python {python}, which compiles the app's environment; install python{python}, "
        f"or set `environment = false` in app.toml."
    )


def environment_of(
    wheels: Sequence[WheelEntry], folder: Path, python: str | None = None
) -> tuple[EnvironmentEntry, Path]:
    """Return the environment of wheels that lie in a folder, and its archive, which is built once and kept there.

    ``python`` ("3.13") compiles it, this interpreter by default. Equal wheels and an equal Python give equal bytes.
    Raises BundleRefused for wheels that no enclave would unpack, SetupMissing when the folder lacks one or this
    machine lacks that Python.
    """
    compiler = compiler_for(python)
    made_of = {"rule": RULE, "python": compiler.version, "wheels": [wheel.sha256 for wheel in wheels]}
    key = sha256(canonical(made_of)).hex()
    archive = folder / FOLDER / f"{key}.zip"
    if not archive.exists():
        archive.parent.mkdir(exist_ok=True)
        build(wheels, {wheel.filename: _file(wheel, folder) for wheel in wheels}, archive, compiler)
    with archive.open("rb") as file:
        digest = to_digest(hashlib.file_digest(file, "sha256").digest())
    size = archive.stat().st_size
    return EnvironmentEntry(sha256=digest, size=size, python=compiler.version), archive


def build(
    wheels: Sequence[WheelEntry], sources: Mapping[str, Path], archive: Path, compiler: EnvironmentCompiler
) -> None:
    """Unpack wheels, compile them, pack the result; ``archive`` is there, whole, or not at all."""
    with tempfile.TemporaryDirectory(prefix="sealgrid-environment-") as name:
        folder, part = Path(name), archive.with_suffix(f".{os.getpid()}.part")
        unpack_wheels(wheels, {name: PrivateCopy.of(path) for name, path in sources.items()}, folder)
        command = (compiler.program, "-I", "-S", "-B", str(bytecode.__file__), str(folder), PREFIX)
        subprocess.run(command, check=True, env=_FIXED, capture_output=True)  # noqa: S603  our own script
        _pack(folder, part)
        part.replace(archive)


def _pack(folder: Path, target: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files, key=lambda path: path.relative_to(folder).as_posix()):
            archive.writestr(file_entry(path.relative_to(folder).as_posix()), path.read_bytes())


def _file(wheel: WheelEntry, folder: Path) -> Path:
    path = folder / wheel.filename
    if not path.is_file():
        raise SetupMissing(f"the wheel {wheel.filename} is not in {folder}; run `make setup`, or download it.")
    return path

"""Build the environment of an app: its wheels unpacked and compiled, as one archive that anybody can build again."""

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sealgrid.bundle import compiling
from sealgrid.bundle.archive import entry_of
from sealgrid.bundle.manifest import Environment, Wheel
from sealgrid.bundle.unpacking import Copy, unpack_wheels
from sealgrid.crypto.digests import canonical, sha256
from sealgrid.errors import SetupMissing
from sealgrid.units import to_digest

FOLDER = "environments"  #: below a folder of wheels: where what was built is kept
RULE = 2  #: how archives are built; counts up when equal wheels begin to give other bytes
PREFIX = "/wheels"  #: where the app sees its environment
_FIXED = {"PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"}


def environment_of(wheels: Sequence[Wheel], folder: Path) -> tuple[Environment, Path]:
    """Return the environment of wheels that lie in a folder, and its archive, which is built once and kept there.

    Equal wheels and an equal Python give equal bytes. Raises BundleRefused for wheels that no enclave would unpack,
    SetupMissing when the folder lacks one.
    """
    made_of = {"rule": RULE, "python": platform.python_version(), "wheels": [wheel.sha256 for wheel in wheels]}
    key = sha256(canonical(made_of)).hex()
    archive = folder / FOLDER / f"{key}.zip"
    if not archive.exists():
        archive.parent.mkdir(exist_ok=True)
        build(wheels, {wheel.filename: _file(wheel, folder) for wheel in wheels}, archive)
    with archive.open("rb") as file:
        digest = to_digest(hashlib.file_digest(file, "sha256").digest())
    size = archive.stat().st_size
    return Environment(sha256=digest, size=size, python=platform.python_version()), archive


def build(wheels: Sequence[Wheel], sources: Mapping[str, Path], archive: Path) -> None:
    """Unpack wheels, compile them, pack the result; ``archive`` is there, whole, or not at all."""
    with tempfile.TemporaryDirectory(prefix="sealgrid-environment-") as name:
        folder, part = Path(name), archive.with_suffix(f".{os.getpid()}.part")
        unpack_wheels(wheels, {name: Copy.of(path) for name, path in sources.items()}, folder)
        command = (sys.executable, "-I", "-S", "-B", str(compiling.__file__), str(folder), PREFIX)
        subprocess.run(command, check=True, env=_FIXED, capture_output=True)  # noqa: S603  our own script
        _pack(folder, part)
        part.replace(archive)


def _pack(folder: Path, target: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(files, key=lambda path: path.relative_to(folder).as_posix()):
            archive.writestr(entry_of(path.relative_to(folder).as_posix()), path.read_bytes())


def _file(wheel: Wheel, folder: Path) -> Path:
    path = folder / wheel.filename
    if not path.is_file():
        raise SetupMissing(f"the wheel {wheel.filename} is not in {folder}; run `make setup`, or download it.")
    return path

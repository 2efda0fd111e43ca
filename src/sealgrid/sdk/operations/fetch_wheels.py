"""Resolve and fetch the wheels of an app's requirements with the user's own pip, for the Python of a network."""

import importlib.util
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from sealgrid.bundle.interpreter import running_python, runs_on
from sealgrid.bundle.lock import lock
from sealgrid.bundle.manifest import WheelEntry, package_name
from sealgrid.crypto.digests import sha256
from sealgrid.errors import DECODE_ERRORS, InputRefused, SetupMissing
from sealgrid.units import Digest, to_digest

REQUIREMENTS, LOCK = "requirements.txt", "requirements.lock"
_FETCH_SECONDS: Final = 1800
_PIN: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+) --hash=sha256:(?P<hash>[0-9a-f]{64})")
_LOCK_HEAD: Final = f"# written by sealgrid app lock, from {REQUIREMENTS} with sha256:"
#: platform tags of wheels for an interpreter that is not this one (PEP 600 and its predecessors)
_MANYLINUX: Final = ("_2_28", "_2_27", "_2_26", "_2_24", "_2_17", "2014", "2010", "1")


class _ResolvedWheels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Record of a resolution, beside the wheels: it is repeated only for other requirements."""

    requirements: Digest  #: SHA-256 of the requirements file
    wheels: tuple[WheelEntry, ...]


def requirements_of(folder: Path) -> Path | None:
    """Return the requirements of an app's folder: its lock, else its requirements.txt; None if it has neither.

    Raises InputRefused for a lock of other requirements than those in the folder.
    """
    listed, locked = folder / REQUIREMENTS, folder / LOCK
    if not locked.is_file():
        return listed if listed.is_file() else None
    if listed.is_file() and not locked.read_text(errors="replace").startswith(_lock_head(listed)):
        raise InputRefused(
            f"{REQUIREMENTS} of {folder.name!r} was changed after {LOCK} was written; run sealgrid app lock {folder}.",
            money="",
        )
    return locked


def fetch_wheels(requirements: Path, target: Path, python: str) -> tuple[WheelEntry, ...]:
    """Return the wheels that a requirements file resolves to for ``python`` ("3.13"); their files are in ``target``.

    What was resolved before from equal requirements is used again, and a lock whose files are all in ``target`` needs
    no pip. pip checks the hashes of a file that has any.
    Raises InputRefused with pip's reason where it cannot resolve or fetch them, SetupMissing without pip.
    """
    if (
        requirements.name == LOCK
        and (wheels := locked_wheels(requirements.read_text(errors="replace"), target, python)) is not None
    ):
        return wheels
    digest = to_digest(sha256(requirements.read_bytes()))
    record = target / f".resolved-{python}.json"
    known = _read(record)
    if (
        known is not None
        and known.requirements == digest
        and all((target / wheel.filename).is_file() for wheel in known.wheels)
    ):
        return known.wheels
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target) as folder:
        _download(requirements, Path(folder), python)
        files = sorted(Path(folder).glob("*.whl"))
        wheels = lock([_pin(path.name) for path in files], Path(folder), python)
        for path in files:
            path.replace(target / path.name)
    record.write_bytes(msgspec.json.format(msgspec.json.encode(_ResolvedWheels(digest, wheels))))
    return wheels


def locked_wheels(lock_text: str, folder: Path, python: str) -> tuple[WheelEntry, ...] | None:
    """Return the wheels of a requirements.lock that lie in a folder, by the hash of each line.

    None where one is missing, does not run on ``python`` ("3.13"), or where the text has more than lines of
    ``write_lock``: pip must read it then.
    """
    files = {sha256(path.read_bytes()).hex(): path.name for path in folder.glob("*.whl") if runs_on(path.name, python)}
    wheels = []
    for line in lock_text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        pin = _PIN.fullmatch(line.strip())
        filename = pin and files.get(pin["hash"])
        if not pin or not filename:
            return None
        name, version, *_ = filename.split("-")
        if (package_name(name), version) != (package_name(pin["name"]), pin["version"]):
            return None
        wheels.append(
            WheelEntry(name=name, version=version, filename=filename, sha256=to_digest(bytes.fromhex(pin["hash"])))
        )
    return tuple(sorted(wheels, key=lambda wheel: package_name(wheel.name)))


def write_lock(folder: Path, wheels: Sequence[WheelEntry]) -> Path:
    """Pin the resolved wheels of a folder's requirements.txt by version and hash, in the format of pip."""
    pins = [f"{package_name(each.name)}=={each.version} --hash=sha256:{each.sha256[2:]}" for each in wheels]
    target = folder / LOCK
    target.write_text("\n".join((_lock_head(folder / REQUIREMENTS), *pins)) + "\n")
    return target


def _lock_head(requirements: Path) -> str:
    return _LOCK_HEAD + sha256(requirements.read_bytes()).hex()


def _pin(filename: str) -> str:
    name, version, *_ = filename.split("-")
    return f"{name}=={version}"


def _read(record: Path) -> _ResolvedWheels | None:
    try:
        return msgspec.json.decode(record.read_bytes(), type=_ResolvedWheels)
    except (OSError, *DECODE_ERRORS):  # fetched again
        return None


def _download(requirements: Path, target: Path, python: str) -> None:
    if importlib.util.find_spec("pip") is None:
        raise SetupMissing(
            f"pip is not installed for the Python of sealgrid, and fetches the wheels of {REQUIREMENTS}; install it, "
            "or put the wheels into the app's folder 'wheels' and name them in app.toml.",
            money="",
        )
    command = (
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
        *("--only-binary", ":all:", *_target_options(python), "--requirement", str(requirements.resolve())),
        *("--dest", str(target.resolve())),
    )
    try:
        ended = subprocess.run(  # noqa: S603  the user's own pip
            command, cwd=requirements.parent, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise InputRefused(
            f"pip did not fetch the wheels of {requirements.name} within {_FETCH_SECONDS // 60} minutes; check its "
            "index and try again.",
            money="",
        ) from error
    if ended.returncode:
        said = [line.removeprefix("ERROR: ") for line in ended.stderr.splitlines() if line.startswith("ERROR: ")]
        reason = " ".join(said or ended.stderr.split("\n"))[:1000].strip()
        raise InputRefused(
            f"pip cannot fetch the wheels of {requirements.name} for Python {python}: {reason}", money=""
        )


def _target_options(python: str) -> tuple[str, ...]:
    """Return pip's options for a Python that is not the running one."""
    if python == running_python():
        return ()
    machine, digits = platform.machine(), python.replace(".", "")
    platforms = (f"manylinux{version}_{machine}" for version in _MANYLINUX)
    return (
        *("--python-version", python, "--implementation", "cp"),
        *("--abi", f"cp{digits}", "--abi", "abi3", "--abi", "none"),
        *(word for name in platforms for word in ("--platform", name)),
    )

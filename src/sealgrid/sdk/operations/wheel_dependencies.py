"""Check that a set of wheels is complete: what each needs by its metadata is in the set (core metadata, PEP 508)."""

import email.parser
import platform
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from sealgrid.bundle.archive import BROKEN
from sealgrid.bundle.interpreter import running_python
from sealgrid.bundle.manifest import WheelEntry, package_name
from sealgrid.errors import InputRefused


@dataclass(frozen=True, slots=True)
class MissingDependency:
    """A package that a wheel of the set needs and the set lacks."""

    requirement: str  #: name and versions
    needed_by: str  #: name and version of the wheel
    present: str = ""  #: the version in the set, which does not fit; empty for none


def check_complete(wheels: Sequence[WheelEntry], folder: Path, python: str, omitted: Sequence[str] = ()) -> None:
    """Raise InputRefused, with every missing package, unless the wheels' requirements are among the wheels.

    ``python`` ("3.13") is the target; ``omitted`` are packages that the app does not import.
    """
    missing = find_missing(wheels, folder, python, omitted)
    if missing:
        raise InputRefused(
            f"the app's wheels lack {', '.join(map(_sentence, missing))}; add them, or name those that the app never "
            'imports in app.toml: omit = ["…"].',
            money="",
        )


def find_missing(
    wheels: Sequence[WheelEntry], folder: Path, python: str, omitted: Sequence[str] = ()
) -> tuple[MissingDependency, ...]:
    """Return what the wheels need on Linux and lack, in the order of the wheels; extras count where a wheel asks."""
    versions = {package_name(wheel.name): wheel.version for wheel in wheels}
    needs = {package_name(wheel.name): tuple(_requirements(folder / wheel.filename)) for wheel in wheels}
    environment, skipped = _environment(python), {package_name(name) for name in omitted}
    missing: dict[tuple[str, str], MissingDependency] = {}
    pending, done = [(name, "") for name in versions], set()
    while pending:
        name, extra = pending.pop(0)
        if (name, extra) in done:
            continue
        done.add((name, extra))
        for need in needs[name]:
            if need.marker is not None and not need.marker.evaluate({**environment, "extra": extra}):
                continue
            needed = package_name(need.name)
            present = versions.get(needed, "")
            if present and need.specifier.contains(present, prereleases=True):
                pending += [(needed, each) for each in sorted(need.extras)]
            elif needed not in skipped:
                by = f"{name} {versions[name]}"
                missing[needed, by] = MissingDependency(f"{needed}{need.specifier}", by, present)
    return tuple(missing.values())


def _requirements(wheel: Path) -> Iterator[Requirement]:
    """Yield the Requires-Dist of a wheel's metadata."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = [name for name in archive.namelist() if _is_metadata(name)]
            text = archive.read(name).decode()
    except BROKEN as error:
        raise InputRefused(f"{wheel.name} is not a wheel with metadata ({type(error).__name__}).", money="") from error
    for line in email.parser.HeaderParser().parsestr(text).get_all("Requires-Dist", []):
        try:
            yield Requirement(line)
        except InvalidRequirement as error:
            raise InputRefused(f"{wheel.name} has the invalid requirement {line!r}.", money="") from error


def _is_metadata(name: str) -> bool:
    folder, _, file = name.partition("/")
    return folder.endswith(".dist-info") and file == "METADATA"


def _environment(python: str) -> Mapping[str, str]:
    """Return the environment markers of an enclave (PEP 508); the patch level of another Python is unknown."""
    full = platform.python_version() if python == running_python() else f"{python}.0"
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": platform.machine(),
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": python,
        "sys_platform": "linux",
    }


def _sentence(missing: MissingDependency) -> str:
    instead = f", not {missing.present}" if missing.present else ""
    return f"{missing.requirement} (needed by {missing.needed_by}{instead})"

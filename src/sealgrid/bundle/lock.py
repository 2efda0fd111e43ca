"""Write an app's wheels.lock from downloaded wheel files.

``python -m sealgrid.bundle.lock APP_DIR WHEEL_DIR``; it uses no network.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import msgspec

from sealgrid.bundle.build import LOCK_FILE, read_app
from sealgrid.bundle.interpreter import running_python, runs_on
from sealgrid.bundle.manifest import WheelEntry, package_name
from sealgrid.crypto.digests import sha256
from sealgrid.errors import InputRefused, InterpreterMismatch
from sealgrid.units import to_digest


def lock(requirements: Iterable[str], wheels: Path, python: str | None = None) -> tuple[WheelEntry, ...]:
    """Return the wheels of a folder for requirements "package==version" that run on ``python`` ("3.13").

    The default is this interpreter's version. Raises InputRefused for a missing wheel, InterpreterMismatch (12) where
    the folder has it only for other Pythons.
    """
    target = python or running_python()
    candidates: dict[tuple[str, str], WheelEntry] = {}
    for path in sorted(wheels.glob("*.whl")):
        name, version, *_ = path.name.split("-")
        digest = to_digest(sha256(path.read_bytes()))
        key = package_name(name), version
        if key not in candidates or runs_on(path.name, target):
            candidates[key] = WheelEntry(name=name, version=version, filename=path.name, sha256=digest)
    locked = []
    for requirement in requirements:
        name, _, version = requirement.partition("==")
        wheel = candidates.get((package_name(name), version))
        if wheel is None:
            raise InputRefused(
                f"{wheels.name!r} has no wheel of {requirement}; download it, or name an exact version that the "
                "folder has."
            )
        if not runs_on(wheel.filename, target):  # (12)
            raise InterpreterMismatch(
                "12",
                f"{wheels.name!r} has {wheel.filename} and no wheel of {requirement} for Python {target}; "
                f"download one: pip download --no-deps --only-binary :all: --python-version {target} {requirement}",
            )
        locked.append(wheel)
    return tuple(sorted(locked, key=lambda wheel: package_name(wheel.name)))


def encode(wheels: Iterable[WheelEntry]) -> str:
    """Return the text of a wheels.lock."""
    return json.dumps(msgspec.to_builtins(list(wheels)), indent=2) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Write the lock file of one app."""
    parser = argparse.ArgumentParser(description="Write an app's wheels.lock from downloaded wheel files.")
    parser.add_argument("app", type=Path, metavar="APP_DIR")
    parser.add_argument("wheels", type=Path, metavar="WHEEL_DIR")
    parser.add_argument("--python", metavar="VERSION", help="as \"3.13\"; app.toml's, else this interpreter's")
    options = parser.parse_args(arguments)
    app = read_app(options.app)
    locked = lock(app.wheels, options.wheels, options.python or app.python)
    (options.app / LOCK_FILE).write_text(encode(locked))


if __name__ == "__main__":
    main()

"""Writes the digests of the shipped apps into the package, for the wheel: ``make wheel``.

An app without an environment has one digest for each supported version of Python, 3.11 to 3.13, which needs no
interpreter of it. An environment holds compiled modules, so an app with one has a digest for each exact version: those
of this interpreter and of each other supported one of this machine are written. ``--release`` fails where one misses.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Final

from sealgrid.bundle.build import read_app
from sealgrid.bundle.interpreter import running_python
from sealgrid.errors import SealgridError
from sealgrid.localnet.downloads import fetch_wheels
from sealgrid.sdk.operations.build import shipped_bundle
from sealgrid.sdk.operations.environments import compiler_for
from sealgrid.sdk.shipped_apps import DIGESTS, RELEASED, app_folder
from sealgrid.units import Digest
from setup.fetch import CACHE, say
from setup.interpreters import MINORS, other_interpreters

PYTHONS: Final = tuple(f"3.{minor}" for minor in MINORS)


def main() -> int:
    """Write the file; return 1 if a digest for this Python misses, with ``--release`` if any does."""
    parser = argparse.ArgumentParser(description="Write the digests of the shipped apps into the package.")
    parser.add_argument("pythons", nargs="*", default=PYTHONS, metavar="VERSION", help='as "3.13"; all by default')
    parser.add_argument("--release", action="store_true", help="fail where a digest misses")
    options = parser.parse_args()
    programs = {each: program for each, program in other_interpreters().items() if each in options.pythons}
    _fetch_their_wheels(programs)
    # An environment is compiled by the interpreter of that name on the PATH.
    folders = [str(program.parent) for program in programs.values()]
    os.environ["PATH"] = os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])
    digests, missing = digests_for(options.pythons, RELEASED)
    DIGESTS.write_text(json.dumps(digests, indent=2, sort_keys=True) + "\n")
    return int(bool(missing) if options.release else running_python() in missing)


def digests_for(pythons: Iterable[str], names: Iterable[str]) -> tuple[dict[str, dict[str, Digest]], list[str]]:
    """Return the digests of apps by version, "3.13" or of an environment "3.13.5", and the Pythons that lack one."""
    digests: dict[str, dict[str, Digest]] = {}
    missing = []
    for python, name in product(pythons, names):
        try:
            digests.setdefault(_version(name, python), {})[name] = shipped_bundle(name, python).app_digest
        except SealgridError as error:
            missing.append(python)
            print(f"wheel: no digest of {name} for Python {python}: {error.message}", file=sys.stderr)
    return digests, missing


def _version(name: str, python: str) -> str:
    """Return the version of Python that an app's digest depends on: the exact one if it pins an environment."""
    folder = app_folder(name)
    return compiler_for(python).version if folder is not None and read_app(folder).environment else python


def _fetch_their_wheels(programs: Mapping[str, Path]) -> None:
    for python, program in programs.items():
        try:
            fetch_wheels(CACHE, say, program)
        except SealgridError as error:
            print(f"wheel: no wheels for Python {python}: {error.message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

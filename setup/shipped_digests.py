"""Writes the digests of the shipped apps into the package, for the wheel: ``make wheel``.

An app with compiled wheels has one digest for each exact version of Python. Those of this interpreter and of each
other supported one of this machine are written, if their wheels are in the cache.
"""

import json
import platform
import sys

from sealgrid.bundle.interpreter import running_python
from sealgrid.errors import SealgridError
from sealgrid.sdk.operations.build import shipped_bundle
from sealgrid.sdk.operations.environments import compiler_for
from sealgrid.sdk.shipped_apps import DIGESTS, RELEASED
from setup.interpreters import other_interpreters


def main() -> int:
    """Write the file; return the exit code."""
    versions = {platform.python_version(): running_python()}
    for python in other_interpreters():
        try:
            versions[compiler_for(python).version] = python
        except SealgridError as error:
            print(f"wheel: no digests for Python {python}: {error.message}", file=sys.stderr)
    digests = {}
    for version, python in versions.items():
        try:
            digests[version] = {name: shipped_bundle(name, python).app_digest for name in RELEASED}
        except SealgridError as error:
            print(f"wheel: no digests for Python {python}: {error.message}", file=sys.stderr)
    DIGESTS.write_text(json.dumps(digests, indent=2, sort_keys=True) + "\n")
    return 0 if platform.python_version() in digests else 1


if __name__ == "__main__":
    sys.exit(main())

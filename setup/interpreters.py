"""Runs the interpreter-dependent tests under every supported Python of this machine except that of ``.venv``.

``make test-interpreters``. Finds Python 3.11, 3.12 and 3.13 on the PATH and below pyenv's ``versions``, takes one of
each, and gives each an environment of its own below ``.cache/interpreters``, which is made once for each lock.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from sealgrid.localnet.downloads import fetch_wheels
from setup.fetch import CACHE, ROOT, say

MINORS = (11, 12, 13)
UV = ROOT / ".venv" / "bin" / "uv"
TESTS = (
    "tests/unit/bundle",
    "tests/unit/enclave",
    "tests/unit/platform",
    "tests/unit/crypto",
    "tests/unit/shipped_apps",
    "tests/unit/sdk/operations/test_environments.py",
    "tests/vectors",
)
#: They draw and count the scenes by which a reader is judged; no app runs in them.
LEFT_OUT = tuple(
    f"--ignore=tests/unit/shipped_apps/plate_reader/{name}.py"
    for name in ("test_evaluation", "test_scenes", "reader/test_pipeline")
)
LOCKS = tuple(ROOT / "requirements" / name for name in ("dev.txt", "build.txt"))
_PROBE = (
    "import sys; assert sys.implementation.name == 'cpython'; print(sys.base_prefix, '%d.%d' % sys.version_info[:2])"
)


def main() -> int:
    """Test under each other interpreter; return how many failed."""
    found = other_interpreters()
    if not found:
        print("test-interpreters: no other Python 3.11, 3.12 or 3.13 is on this machine; nothing ran")
    failed = [python for python, program in found.items() if not passes(python, program)]
    for python in failed:
        print(f"test-interpreters: Python {python} FAILED", file=sys.stderr)
    return len(failed)


def other_interpreters() -> dict[str, Path]:
    """Return version -> program of one interpreter for each supported version that is not this one's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found: dict[str, Path] = {}
    for minor in MINORS:
        name = f"python3.{minor}"
        on_path = shutil.which(name)
        installed = sorted((pyenv / "versions").glob(f"3.{minor}.*/bin/{name}"), key=_patch_level, reverse=True)
        candidates = [Path(on_path)] if on_path else []
        program = next((each for each in [*candidates, *installed] if _answers(each, f"3.{minor}")), None)
        if program is not None and minor != sys.version_info.minor:
            found[f"3.{minor}"] = program
    return found


def passes(python: str, program: Path) -> bool:
    """Set up an environment for one interpreter and run the tests in it; return whether all passed."""
    begun = time.monotonic()
    environment = environment_for(python, program)
    fetch_wheels(CACHE, say, environment / "bin" / "python")
    print(f"test-interpreters: Python {python} ({program}): {' '.join(TESTS)}", flush=True)
    command = [
        str(environment / "bin" / "python"),
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "loadfile",
        *TESTS,
        *LEFT_OUT,
    ]
    # A difference between interpreters shows in few examples; `make test` tries many.
    examples = os.environ | {"SEALGRID_EXAMPLES": "few"}
    code = subprocess.run(command, cwd=ROOT, env=examples, check=False).returncode
    print(f"test-interpreters: Python {python} ended with {code} after {time.monotonic() - begun:.0f} s", flush=True)
    return code == 0


def environment_for(python: str, program: Path) -> Path:
    """Return an environment with the locked development packages and this project; made anew when a lock changed."""
    folder = CACHE / "interpreters" / python
    version = subprocess.run((str(program), "-VV"), capture_output=True, check=True).stdout
    digest = hashlib.sha256(b"".join([version, *(lock.read_bytes() for lock in LOCKS)])).hexdigest()
    stamp = folder / ".installed"
    if stamp.exists() and stamp.read_text() == digest:
        return folder
    print(f"test-interpreters: installing the locked packages for Python {python}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run((str(program), "-m", "venv", str(folder)), check=True)
    install = (str(UV), "pip", "install", "-q", "--python", str(folder / "bin" / "python"))
    for lock in LOCKS:
        subprocess.run((*install, "--require-hashes", "-r", str(lock)), check=True)
    subprocess.run((*install, "--no-deps", "--no-build-isolation", "-e", str(ROOT)), check=True)
    stamp.write_text(digest)
    return folder


def _answers(program: Path, version: str) -> bool:
    # A pyenv shim is on the PATH for versions that are not switched on; it ends with an error.
    probe = subprocess.run((str(program), "-I", "-c", _PROBE), capture_output=True, text=True, check=False)
    return probe.returncode == 0 and probe.stdout.split()[-1] == version


def _patch_level(program: Path) -> int:
    found = re.search(r"/3\.[0-9]+\.([0-9]+)", str(program))
    return int(found[1]) if found else -1


if __name__ == "__main__":
    sys.exit(main())

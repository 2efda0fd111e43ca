"""Derives requirements/*.txt from pyproject.toml, with hashes: ``make lock``. Locked versions stay where they fit."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = "3.11"

#: lock -> which dependencies of pyproject.toml it holds
LOCKS = {
    "runtime": ("pyproject.toml",),
    "demo": ("pyproject.toml", "--group", "apps"),
    "dev": ("pyproject.toml", "--group", "dev"),
    "ados": ("--group", "ados"),
    "apps": ("--group", "apps"),
    "build": ("--group", "build"),
    "node": ("--group", "node"),
    "setup": ("--group", "setup"),
}
FORM = ["--universal", "--generate-hashes", "--no-annotate", "--no-header", "--quiet", "--python-version"]


def main() -> int:
    """Write the locks named as arguments, or all of them; return the exit code."""
    for name in sys.argv[1:] or LOCKS:
        command = (
            sys.executable,
            "-m",
            "uv",
            "pip",
            "compile",
            *FORM,
            OLDEST_PYTHON,
            *LOCKS[name],
            "-o",
            f"requirements/{name}.txt",
        )
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs a script that uses iExec's own JavaScript client."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from sealgrid.localnet.layout import cache_folder

SCRIPTS = Path(__file__).parent.parent / "iexec_client"
SECONDS = 240


def run_script(name: str, folder: Path, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run a script of tests/iexec_client in a folder; return its JSON output."""
    installed = cache_folder() / "iexec_client"
    (folder / "node_modules").symlink_to(installed / "node_modules")
    shutil.copy(SCRIPTS / name, folder)
    done = subprocess.run(
        [cache_folder() / "node", name],
        cwd=folder,
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed

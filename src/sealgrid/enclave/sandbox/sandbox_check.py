"""Checks that this machine's sandbox runs an app: a platform does so before its first job."""

import sys
import tempfile
from pathlib import Path
from typing import Final

from sealgrid.enclave.sandbox.bubblewrap import SandboxFolders
from sealgrid.enclave.sandbox.sandbox import AppExited, AppRun, run
from sealgrid.errors import SealgridError

_APP: Final = "import os\nopen(os.environ['OUT'] + '/result.json', 'w').write('{}')\n"


def sandbox_fault() -> str | None:
    """Run a first app in the sandbox; return why it failed, None if it wrote its result."""
    with tempfile.TemporaryDirectory(prefix="sealgrid-check-") as root:
        folders = SandboxFolders(*(Path(root, name) for name in ("app", "wheels", "datasets", "inputs", "outputs")))
        for folder in vars(folders).values():
            folder.mkdir()
        (folders.app / "main.py").write_text(_APP)
        try:
            ended = run(AppRun(folders, ("main.py",), environment={"OUT": "/iexec_out"}))
        except SealgridError as error:
            return str(error)
        if not isinstance(ended, AppExited):
            return ended.reason
        if ended.code or not (folders.outputs / "result.json").is_file():
            return f"the first app ended with code {ended.code}: {ended.log[-300:].decode(errors='replace').strip()}"
    return None


def main() -> None:
    """Exit with 1, after the reason on standard error, if no app can run."""
    if (fault := sandbox_fault()) is not None:
        sys.exit(fault)

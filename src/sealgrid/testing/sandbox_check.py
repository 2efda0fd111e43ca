"""Check that bubblewrap can make a sandbox on this machine."""

import shutil
import subprocess

from sealgrid.errors import SetupMissing


def check_sandbox() -> None:
    """Raise SetupMissing, with bubblewrap's own words, where it is missing or the machine refuses its namespaces."""
    program = shutil.which("bwrap")
    if program is None:
        raise SetupMissing("bubblewrap is not installed, and apps run in its sandbox; `apt-get install bubblewrap`.")
    command = [program, "--unshare-all", "--ro-bind", "/", "/", "true"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    if ended.returncode:
        raise SetupMissing(
            f"bubblewrap cannot make a sandbox on this machine ({ended.stderr.strip()[:200]}); see `sealgrid doctor`."
        )

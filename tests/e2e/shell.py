"""Commands of ``sealgrid`` in one working folder, with one data folder."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.running_network import SEALGRID
from tests.unit.cli.cli_runner import CliResult, run_cli


def run_demo(name: str, folder: Path, *options: str) -> tuple[int, dict, str]:
    """Run a demo on a network's folder; return its exit status, its report and what it printed."""
    command = [SEALGRID, "demo", name, "--json", "--home", str(folder), *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    report = ended.stdout.strip().splitlines()[-1] if ended.stdout.strip() else "{}"
    return ended.returncode, json.loads(report), ended.stderr


@dataclass(frozen=True)
class Shell:
    folder: Path
    home: Path

    def __call__(self, *words: object, home: Path | None = None) -> CliResult:
        return run_cli(*words, home=home or self.home, folder=self.folder)

    def output(self, *words: object) -> str:
        """Return the output of a command that ended with 0."""
        ended = self(*words)
        assert ended.code == 0, ended.err
        return ended.out

    def error_line(self, *words: object, home: Path | None = None) -> str:
        """Return the last line of a command that ended with 1."""
        ended = self(*words, home=home)
        assert ended.code == 1, ended.out
        assert "Traceback" not in ended.err
        return ended.err.strip().splitlines()[-1]

    def escrow(self, account: str) -> tuple[float, float]:
        """Return what an account has in escrow, free and locked, in RLC."""
        printed = self.output("account", "balance", "--account", account)
        places = [re.search(rf"{place} +(\S+)", printed) for place in ("escrow", "locked")]
        free, locked = (float(found[1]) for found in places if found)
        return free, locked

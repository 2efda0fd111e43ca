"""Commands of ``sealgrid`` in one working folder, with one data folder."""

from dataclasses import dataclass
from pathlib import Path

from tests.unit.cli.cli_runner import CliResult, run_cli


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

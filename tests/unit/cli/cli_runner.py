"""Runs ``sealgrid`` in this process and captures its output and exit code."""

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from sealgrid.cli.main import main


@dataclass(frozen=True)
class CliResult:
    code: int
    out: str
    err: str


def run_cli(*words: object, home: Path | str, folder: Path | None = None) -> CliResult:
    """Run one command with this SEALGRID_HOME, none if it is empty, in this folder."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, {"SEALGRID_HOME": str(home), "COLUMNS": "200"}),
        mock.patch.object(sys, "argv", ["sealgrid", *map(str, words)]),
        contextlib.chdir(folder or Path.cwd()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    return CliResult(code, out.getvalue(), err.getvalue())

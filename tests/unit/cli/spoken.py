"""Run ``sealgrid`` in this process, as a person would in a shell, and keep what it said."""

import contextlib
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from sealgrid.cli.main import main


@dataclass(frozen=True)
class Spoken:
    code: int
    out: str
    err: str


def spoken(*words: object, home: Path, folder: Path | None = None) -> Spoken:
    """Run one command with this SEALGRID_HOME, in this folder."""
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
    return Spoken(code, out.getvalue(), err.getvalue())

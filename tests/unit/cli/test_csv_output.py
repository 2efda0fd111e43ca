"""Rows as CSV that a spreadsheet reads and does not run."""

import csv
import io
import sys

import pytest

from sealgrid.cli.csv_output import print_csv
from sealgrid.sdk.amounts import Amount


def printed(capsys, *rows):
    print_csv(("a", "b"), rows)
    return list(csv.reader(io.StringIO(capsys.readouterr().out)))


def test_rows_follow_their_header(capsys):
    assert printed(capsys, ("x, y", Amount(5)), (None, 'a "quote"')) == [
        ["a", "b"],
        ["x, y", "5"],
        ["", 'a "quote"'],
    ]


def test_control_characters_are_escaped_on_a_terminal_only(capsys, monkeypatch):
    assert printed(capsys, ("a\x1b[2J", "=\x07"))[1] == ["a\x1b[2J", "'=\x07"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert printed(capsys, ("a\x1b[2J", "=\x07"))[1] == [r"a\x1b[2J", r"'=\x07"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_name_that_a_spreadsheet_would_run_is_a_text(capsys, name):
    assert printed(capsys, (name, -1))[1] == [f"'{name}", "-1"]

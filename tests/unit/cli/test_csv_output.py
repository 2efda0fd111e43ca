"""Rows as CSV on standard output."""

import sys

from sealgrid.cli.csv_output import print_csv


def test_rows_follow_their_header(capsys):
    print_csv(("a", "b"), [("x, y", 5)])
    assert capsys.readouterr().out == 'a,b\r\n"x, y",5\r\n'


def test_control_characters_are_escaped_on_a_terminal_only(capsys, monkeypatch):
    print_csv(("a",), [("a\x1b[2J",)])
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_csv(("a",), [("a\x1b[2J",)])
    assert capsys.readouterr().out.split("\r\n")[1:4:2] == ["a\x1b[2J", r"a\x1b[2J"]

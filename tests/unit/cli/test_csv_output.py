"""Rows as CSV on standard output."""

from sealgrid.cli.csv_output import print_csv


def test_rows_follow_their_header(capsys):
    print_csv(("a", "b"), [("x, y", 5)])
    assert capsys.readouterr().out == 'a,b\r\n"x, y",5\r\n'

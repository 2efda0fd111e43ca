"""Rows as CSV that a spreadsheet reads and does not run."""

import csv
import io

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


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_name_that_a_spreadsheet_would_run_is_a_text(capsys, name):
    assert printed(capsys, (name, -1))[1] == [f"'{name}", "-1"]

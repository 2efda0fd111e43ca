"""Rows as CSV that a spreadsheet reads and does not run."""

import csv
import io

import pytest

from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.csv_text import csv_text


def parsed(*rows):
    return list(csv.reader(io.StringIO(csv_text(("a", "b"), rows))))


def test_rows_follow_their_header():
    assert parsed(("x, y", Amount(5)), (None, 'a "quote"')) == [["a", "b"], ["x, y", "5"], ["", 'a "quote"']]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_name_that_a_spreadsheet_would_run_is_a_text(name):
    assert parsed((name, -1))[1] == [f"'{name}", "-1"]

"""Spellings of missing values, in any column and among numbers."""

import pytest

from sealgrid.shipped_apps.csv_statistics.columns.missing_values import is_missing, is_missing_among_values


@pytest.mark.parametrize(
    "cell", ["", "NaN", "NULL", "null", "#N/A", "\\N", "<NA>", "N/A", "#DIV/0!", "#NV", "NaT", "(null)"]
)
def test_some_spellings_are_never_a_word(cell):
    assert is_missing(cell)


@pytest.mark.parametrize(
    "cell", ["NA", "-", ".", "?", "..", "None", "n.a.", "k.A.", "missing", "unknown", "inf", "-Infinity"]
)
def test_others_are_missing_only_among_numbers_and_dates(cell):
    assert not is_missing(cell)
    assert is_missing_among_values(cell)


@pytest.mark.parametrize("cell", ["0", "Lyon", "no", "Nantes", "a long remark about nothing at all"])
def test_words_and_numbers_are_not_missing(cell):
    assert not is_missing(cell)
    assert not is_missing_among_values(cell)

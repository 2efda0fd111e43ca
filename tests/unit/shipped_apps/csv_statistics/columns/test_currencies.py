"""Currencies at either end of an amount."""

import pytest

from sealgrid.shipped_apps.csv_statistics.columns.currencies import take_currency


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("$5", ("$", "5")),
        ("US$ 5", ("$", "5")),
        ("5 EUR", ("€", "5")),
        ("CHF5", ("CHF", "5")),
        ("5 kr.", ("kr", "5")),
        ("5 EURO", ("€", "5")),
    ],
)
def test_a_currency_is_taken_from_its_end(text, taken):
    assert take_currency(text) == taken


@pytest.mark.parametrize("text", ["5", "EURO5", "5 km", "krona 5", "A5"])
def test_other_letters_stay(text):
    assert take_currency(text) is None

"""One cell as a number: every usual spelling, and what is no number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.shipped_apps.csv_statistics.columns.number_format import Reread, read_number

BOTH_WAYS = {
    "12": 12,
    "-7": -7,
    "1e3": 1000,
    "12 345": 12345,
    "12\N{NO-BREAK SPACE}345": 12345,
    "12\N{NARROW NO-BREAK SPACE}345": 12345,
    "12'345": 12345,
    "12\N{RIGHT SINGLE QUOTATION MARK}345": 12345,
    "1_000": 1000,
    "\N{MINUS SIGN}5": -5,
    "\N{EN DASH}5": -5,
    "5-": -5,
    "(5)": -5,
    "+5": 5,
    "٤٢": 42,
    "۴۲": 42,
    "४२": 42,
    "４２": 42,
    "١٬٢٣٤٫٥": 1234.5,
    "CHF 50.-": 50,
    "50,\N{EN DASH} €": 50,
    "$ -": 0,
    "₹567/-": 567,
    "R 1 234": 1234,
    "12 euros": 12,
    "12*": 12,
    "12[3]": 12,
}
WITH_A_POINT = {
    "12.5": 12.5,
    ".5": 0.5,
    "5.": 5,
    "1,234.50": 1234.5,
    "12,34,567.00": 1234567,
    "1'234.50": 1234.5,
    "1 234.50": 1234.5,
    "$1,234.50": 1234.5,
    "-$1.5": -1.5,
    "$-1.5": -1.5,
    "($1,234.00)": -1234,
    "$ (1,234.00)": -1234,
    "1.5E+03": 1500,
    "1.5D+03": 1500,
    "1,234.5 ‡": 1234.5,
    "₹12,34,567.5": 1234567.5,
    "1,234.50 USD": 1234.5,
}
WITH_A_COMMA = {
    "12,5": 12.5,
    ",5": 0.5,
    "0,123": 0.123,
    "1.234,50": 1234.5,
    "1 234,50": 1234.5,
    "1'234,50": 1234.5,
    "1.234,50 €": 1234.5,
    "€ 1.234,50": 1234.5,
    "1.234,50-": -1234.5,
    "R$ 1.234,50": 1234.5,
    "5,00 Kč": 5,
    "1,5E+03": 1500,
    "12,5 kr.": 12.5,
}
NO_NUMBERS = (
    *("", "-", "$", "()", "abc", "12 km", "A12", "12A", "--5", "+-5", "(-5)", "1.2.3", "1,2,3", "1,23,4"),
    *("1 23", "12:30", "0x10", "1e999", "1e101", "06 00 00 00 00", "5€50", "½", "m²", "1/2", "nan", "inf", "9" * 400),
)


@pytest.mark.parametrize(("cell", "value"), BOTH_WAYS.items())
def test_some_spellings_have_one_value_in_every_locale(cell, value):
    assert read_number(cell)[:2] == (value, value)


@pytest.mark.parametrize(("cell", "value"), WITH_A_POINT.items())
def test_a_spelling_with_a_decimal_point_has_no_value_with_a_decimal_comma(cell, value):
    assert read_number(cell)[:2] == (value, None)


@pytest.mark.parametrize(("cell", "value"), WITH_A_COMMA.items())
def test_a_spelling_with_a_decimal_comma_has_no_value_with_a_decimal_point(cell, value):
    assert read_number(cell)[:2] == (None, value)


@pytest.mark.parametrize(
    ("cell", "point", "comma"), [("1,234", 1234, 1.234), ("1.234", 1.234, 1234), ("-$1,234", -1234, -1.234)]
)
def test_one_mark_before_three_digits_has_two_values(cell, point, comma):
    assert read_number(cell)[:2] == (point, comma)


@pytest.mark.parametrize("cell", NO_NUMBERS)
def test_other_texts_are_no_numbers(cell):
    assert read_number(cell) is None


@pytest.mark.parametrize(
    ("cell", "unit"),
    [
        ("$5", "$"),
        ("5 USD", "$"),
        ("EUR 5", "€"),
        ("eur5", "€"),
        ("5 %", "%"),
        ("%5", "%"),
        ("5‰", "‰"),
        ("5 zł", "PLN"),
    ],
)
def test_the_unit_of_an_amount_is_kept_apart(cell, unit):
    assert read_number(cell).unit == unit


@pytest.mark.parametrize(
    ("cell", "sign"),
    [("0123", Reread.PADDED), ("4111111111111111", Reread.LONG), ("+33600000000", Reread.PLUS), ("12", Reread.BARE)],
)
def test_signs_of_identifiers_are_marked(cell, sign):
    assert read_number(cell).reread & sign


@given(value=st.floats(-1e12, 1e12))
def test_a_number_as_programs_write_it_is_read_as_they_read_it(value):
    assert read_number(repr(value)).point == value


@given(value=st.decimals(-(10**9), 10**9, places=2))
def test_a_number_with_thousands_is_the_same_in_five_locales(value):
    english = f"{value:,.2f}"
    swapped = english.translate(str.maketrans(",.", ".,"))
    french = swapped.replace(".", "\N{NARROW NO-BREAK SPACE}")
    swiss = english.replace(",", "'")
    arabic = english.translate(str.maketrans("0123456789,.", "٠١٢٣٤٥٦٧٨٩٬٫"))
    assert read_number(english).point == float(value)
    assert read_number(swapped).comma == float(value)
    assert read_number(french).comma == float(value)
    assert read_number(swiss).point == float(value)
    assert read_number(arabic).point == float(value)


@given(cell=st.text(max_size=70))
def test_any_text_is_a_number_or_none(cell):
    number = read_number(cell)
    assert number is None or (number.point, number.comma) != (None, None)

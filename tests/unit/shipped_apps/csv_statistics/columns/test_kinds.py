"""What a column has: numbers, dates or texts, and in which spelling, from all its cells."""

import pytest

from sealgrid.shipped_apps.csv_statistics.columns.kinds import Evidence, decide


def decided(*cells: str, name: str = "x", delimiter: str = ",", beside: tuple[str, ...] = ()):
    columns = [Evidence(name), Evidence("beside")]
    for column, values in zip(columns, (cells, beside), strict=True):
        for cell in values:
            column.add(cell)
    return decide(columns, delimiter)[0]


def test_nine_in_ten_cells_decide():
    assert decided(*["1"] * 9, "see note").kind == "number"
    assert decided(*["1"] * 8, "see", "note").kind == "text"


def test_the_decimal_mark_is_what_fits_the_most_cells():
    assert decided("1.234", "12,5").comma
    assert not decided("1,234", "12.5").comma


def test_a_bare_thousand_makes_the_mark_of_others_decimal():
    assert decided("1,234", "5000").comma
    assert not decided("1.234", "5000").comma


@pytest.mark.parametrize(
    ("cell", "delimiter", "beside", "comma"),
    [
        ("1,234", ",", (), False),
        ("1,234", ";", (), True),
        ("1.234", ",", (), False),
        ("1.234", ";", (), True),
        ("1.234", ",", ("0,5",), True),
        ("1,234", ";", ("0.5",), False),
    ],
)
def test_an_ambiguous_column_follows_the_others_then_custom_and_says_so(cell, delimiter, beside, comma):
    decision = decided(cell, cell, delimiter=delimiter, beside=beside)
    assert (decision.kind, decision.comma) == ("number", comma)
    assert "it could be" in decision.notes[0]


def test_three_digits_behind_each_mark_beside_small_whole_numbers_are_thousands():
    assert decided("950", "12", *["1.020", "12.345"] * 3, delimiter="\t").comma
    assert not decided("0", *["1.020", "12.345"] * 3, delimiter="\t").comma


def test_mixed_decimal_marks_and_mixed_units_make_texts_with_a_note():
    assert "mixed" in decided("1.5", "1,5").notes[0]
    assert "mixed" in decided("1.234", "1,234").notes[0]
    several = decided(*["$5"] * 20, *["€5"] * 20)
    assert (several.kind, several.notes[0][:33]) == ("text", "numbers in several units ($, €) a")
    assert decided(*["5%"] * 20, *["5"] * 20).kind == "text"


def test_an_amount_may_lack_its_currency():
    assert decided("$5", "5", "5").unit == "$"
    assert decided("5", "5", "5").unit == ""


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (("01009", "75001"), "x"),
        (("4111111111111111", "4222222222222222"), "x"),
        (("+33600000000", "+33600000001"), "x"),
        (("12", "13"), "customer_id"),
        (("75001", "69001"), "ZipCode"),
    ],
)
def test_identifiers_are_texts_with_a_note(cells, name):
    decision = decided(*cells, name=name)
    assert decision.kind == "text"
    assert "identifiers" in decision.notes[0]


def test_a_name_that_only_contains_id_is_no_identifier():
    assert decided("12", "13", name="humidity").kind == "number"


def test_dates_are_dates_and_an_order_that_cannot_be_told_is_taken_from_another_column_or_refused():
    assert decided("2026-01-27", "2026-01-28").kind == "date"
    assert decided("1/2/2026", "27/1/2026").month_first is False
    assert decided("1/2/2026", "1/27/2026").month_first is True
    assert decided("1/2/2026", "3/4/2026").kind == "text"
    assert decided("1/2/2026", "3/4/2026", beside=("1/27/2026",)).month_first is True
    assert decided("20260127", "20260128").compact
    assert decided("20260127", "99999999").kind == "number"


def test_dates_of_two_orders_make_texts_with_a_note():
    assert "are mixed" in decided("13/1/2026", "1/13/2026").notes[0]


def test_units_after_numbers_make_texts_with_a_note():
    assert "begin with a number" in decided("12 km", "13 km").notes[0]

"""One cell as a date."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.shipped_apps.csv_statistics.columns.date_format import read_date

DAY = dt.date(2026, 1, 27).toordinal()
ONE_DAY = (
    *(
        "2026-01-27",
        "2026/01/27",
        "2026-1-27",
        "2026-01-27 10:00:00",
        "2026-01-27T10:00:00Z",
        "2026-01-27 10:00:00 UTC",
    ),
    *(
        "2026-01-27T10:00:00.123+02:00",
        "27 Jan 2026",
        "27-Jan-26",
        "Jan 27, 2026",
        "January 27 2026",
        "27. Januar 2026",
    ),
    *("27 janvier 2026", "27 de enero de 2026", "Tue Jan 27 10:00:00 2026", "Tue, 27 Jan 2026 10:00:00 +0000"),
    *("2026年1月27日", "20260127", "20260127093000", "20260127T093000Z", "2026. 1. 27."),
    *("2026-Jan-27", "Jan-27-2026", "27 января 2026", "27 Oca 2026", "27 Ιαν 2026"),
    *("27 tammikuuta 2026", "2026/01/27(火) 10:00", "January 27, 2026 at 10:00 PM", "2026-01-27 10:00:00 +0000 UTC"),
    *("27/Jan/2026:09:30:00 +0000", "Tue Jan 27 09:30:00 2026 +0100", "2026-01-27 09:30:00 Europe/Berlin"),
)


@pytest.mark.parametrize("cell", ONE_DAY)
def test_a_date_is_read(cell):
    assert read_date(cell)[:2] == (DAY, DAY)


@pytest.mark.parametrize(
    ("cell", "days"),
    [
        ("27.01.2026", (DAY, None)),
        ("27/01/2026 10:00", (DAY, None)),
        ("27. 1. 2026 10:00", (DAY, None)),
        ("27 01 2026", (DAY, None)),
        ("1/27/2026 10:00:00 AM", (None, DAY)),
        ("1/27/26", (None, DAY)),
        ("03/04/2026", (dt.date(2026, 4, 3).toordinal(), dt.date(2026, 3, 4).toordinal())),
        ("03.04.2026", (dt.date(2026, 4, 3).toordinal(), None)),
    ],
)
def test_day_and_month_are_where_they_can_be(cell, days):
    assert read_date(cell)[:2] == days


def test_a_month_is_its_first_day():
    assert {read_date(cell)[0] for cell in ("2026-01", "Jan 2026", "01/2026", "2026M01", "ocak 2026")} == {
        dt.date(2026, 1, 1).toordinal()
    }


@pytest.mark.parametrize("cell", ["Product 12", "Market 10", "Decile 20", "Junior-11", "Gene 12"])
def test_a_word_that_begins_like_a_month_is_none(cell):
    assert read_date(cell) is None


def test_two_digits_of_a_year_are_of_the_century_that_posix_says():
    assert [dt.date.fromordinal(read_date(f"1.1.{year}").day_first).year for year in ("68", "69")] == [2068, 1969]


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "20260127990000",
        "2026-13-01",
        "2026-02-30",
        "13/13/2026",
        "0600000000",
        "12:30:00",
        "hello world",
        "may be 12",
        "1.2.3",
        "x" * 99,
    ],
)
def test_other_texts_are_no_dates(cell):
    assert read_date(cell) is None


@given(day=st.dates(dt.date(1500, 1, 1), dt.date(2500, 1, 1)))
def test_every_day_is_read_in_three_orders(day):
    assert read_date(day.isoformat()).day_first == day.toordinal()
    assert read_date(day.strftime("%d/%m/") + f"{day.year}").day_first == day.toordinal()
    assert read_date(day.strftime("%m/%d/") + f"{day.year}").month_first == day.toordinal()

"""Names of months, whole or cut, in several languages."""

import pytest

from sealgrid.shipped_apps.csv_statistics.columns.month_names import month_number

YEARS = (
    "jan. feb. mrt. apr. mei jun. jul. aug. sep. okt. nov. dec.",
    "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "led úno bře dub kvě čvn čvc srp zář říj lis pro",
    "янв. февр. мар. апр. мая июня июля авг. сент. окт. нояб. дек.",
    "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
    "jan feb mar apr mai jun jul aug sep okt nov des",
    "JAN FEB MAR APR MAI JUN JUL AGO SET OUT NOV DEZ",
)


@pytest.mark.parametrize("year", YEARS)
def test_twelve_names_are_twelve_months(year):
    assert [month_number(name.rstrip(".")) for name in year.split()] == list(range(1, 13))


@pytest.mark.parametrize("name", ["", "ja", "jui", "čer", "Marchioness", "product"])
def test_what_names_no_month_or_two_is_none(name):
    assert month_number(name) == 0

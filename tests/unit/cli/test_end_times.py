"""Ends as dates in UTC and as durations from now."""

import time

import pytest

from sealgrid.cli.end_times import parse_end
from sealgrid.errors import InputRefused

DAY = 24 * 3600


@pytest.mark.parametrize(("text", "end"), [(None, None), ("1970-01-02", DAY), (" 1970-01-02T00:00:05 ", DAY + 5)])
def test_a_date_is_its_start_in_utc(text, end):
    assert parse_end(text) == end


@pytest.mark.parametrize(
    ("text", "seconds"), [("12h", DAY // 2), ("30d", 30 * DAY), ("2w", 14 * DAY), ("1y", 365 * DAY)]
)
def test_a_duration_counts_from_now(text, seconds, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1_000.9)
    assert parse_end(text) == 1_000 + seconds


@pytest.mark.parametrize("text", ["", "tomorrow", "0d", "-1d", "1.5y", "31.12.2030", "2030-13-01", "1m"])
def test_anything_else_is_refused(text):
    with pytest.raises(InputRefused, match="neither a date"):
        parse_end(text)

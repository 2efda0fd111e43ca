"""Arguments of a run: the window, and the round that a feed gets."""

import pytest

from sealgrid.shipped_apps.ados.quality.arguments import MAX_WINDOW, WindowOptions, parse
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.feed_round import RoundChoice


def test_all_arguments_are_optional():
    assert parse([]) == WindowOptions(None, RoundChoice(None, None))
    given = parse(["--window", str(MAX_WINDOW), "--station", "a", "--start=1767268800"])
    assert given == WindowOptions(MAX_WINDOW, RoundChoice("a", 1_767_268_800))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--window", "0"],
        ["--window", str(MAX_WINDOW + 1)],
        ["--window", "six"],
        ["--win", "6"],
        ["--start", "noon"],
        ["6"],
    ],
)
def test_other_arguments_are_refused_in_one_line(arguments):
    with pytest.raises(ReadingsRefused, match="this app takes --window ROWS") as caught:
        parse(arguments)
    assert "\n" not in str(caught.value)

"""A demo succeeds when every check holds and every theft was refused by a check."""

import pytest

from sealgrid.demos.common.outcome import CheckLine, TheftRefusal, all_hold

HOLDS, FAILS = CheckLine("1", "a check", ok=True), CheckLine("2", "another", ok=False)
REFUSED, SUCCEEDED = TheftRefusal("a theft", "vaults", "7.3", "no."), TheftRefusal("a theft", "no check", "", "")


@pytest.mark.parametrize(
    ("checks", "thefts", "holds"),
    [
        ((HOLDS,), (REFUSED,), True),
        ((HOLDS, FAILS), (REFUSED,), False),
        ((HOLDS,), (REFUSED, SUCCEEDED), False),
        ((), (REFUSED,), False),
    ],
)
def test_one_failed_check_or_theft_is_enough_to_fail(checks, thefts, holds):
    assert all_hold(checks, thefts) is holds

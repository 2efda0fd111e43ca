"""Fees of replaced transactions."""

import pytest

from sealgrid.pool.transactions import Fees


@pytest.mark.parametrize(
    ("before", "market"), [(Fees(10, 100), Fees(1, 1)), (Fees(10, 100), Fees(50, 1000)), (Fees(0, 1), Fees(0, 1))]
)
def test_a_replacement_pays_a_tenth_more_at_least_and_the_markets_fees(before: Fees, market: Fees) -> None:
    raised = before.raised(market)
    assert (raised.tip > before.tip * 1.1, raised.highest > before.highest * 1.1) == (True, True)
    assert (raised.tip >= market.tip, raised.highest >= market.highest) == (True, True)

"""A market can name deals that the chain does not have; they count as absent."""

from types import SimpleNamespace

import pytest

from sealgrid.errors import NotFound, ServiceUnavailable
from sealgrid.sdk.operations.listed_deals import view_listed_deal
from sealgrid.units import to_digest

LISTED, INVENTED, UNREADABLE = (to_digest(bytes([n]) * 32) for n in range(3))


async def view_deal(deal):
    if deal == INVENTED:
        raise NotFound("no such deal.")
    if deal == UNREADABLE:
        raise ServiceUnavailable("the node does not answer.")
    return SimpleNamespace(deal=deal)


CONN = SimpleNamespace(hub=SimpleNamespace(view_deal=view_deal))


async def test_a_listed_deal_is_read_from_the_chain():
    assert (await view_listed_deal(CONN, LISTED)).deal == LISTED


@pytest.mark.parametrize("deal", [INVENTED, "0xno-deal", ""])
async def test_an_invented_or_malformed_deal_is_absent(deal):
    assert await view_listed_deal(CONN, deal) is None


async def test_a_chain_that_does_not_answer_is_no_absent_deal():
    with pytest.raises(ServiceUnavailable):
        await view_listed_deal(CONN, UNREADABLE)

"""Where the price of a task is, when the chain knows the deal, does not, or does not answer."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ContractReverted, HostFailed, NotFound, ServiceUnavailable
from sealgrid.sdk.operations.run_money import money_after, money_on_chain, money_or_unknown, with_money
from sealgrid.units import to_address, to_digest

DEAL, TASK, PARTY = to_digest(b"\xdd" * 32), to_digest(b"\xee" * 32), to_address(b"\x01" * 20)


def connection(error=None):
    async def view_deal(deal):
        if error is not None:
            raise error
        return SimpleNamespace(start_time=1_000, category=0, sponsor=PARTY, requester=PARTY)

    async def view_task(task):
        return SimpleNamespace(status=TaskStatus.ACTIVE)

    async def view_category(number):
        return SimpleNamespace(timeref=30)

    async def block():
        return SimpleNamespace(timestamp=1_100)

    hub = SimpleNamespace(view_deal=view_deal, view_task=view_task, view_category=view_category)
    return SimpleNamespace(hub=hub, node=SimpleNamespace(block=block))


AWAY, NO_DEAL, REVERTED = ServiceUnavailable("away."), NotFound("no such deal."), ContractReverted("refused.")


async def test_the_price_of_a_running_task_is_locked():
    assert (await money_on_chain(connection(), DEAL, TASK)).kind == "locked"


@pytest.mark.parametrize(
    ("chain", "match_error", "kind"),
    [
        (None, AWAY, "locked"),
        (NO_DEAL, REVERTED, "unmatched"),
        (NO_DEAL, AWAY, "unknown"),
        (AWAY, REVERTED, "unknown"),
    ],
)
async def test_after_a_failed_match_only_a_refused_deal_is_surely_unmatched(chain, match_error, kind):
    assert (await money_after(connection(chain), match_error, DEAL, TASK)).kind == kind


async def test_a_chain_that_does_not_answer_leaves_the_place_of_the_price_unknown():
    assert (await money_or_unknown(connection(AWAY), DEAL, TASK)).kind == "unknown"


async def test_an_error_gets_the_sentence_once():
    for money, begins in (("", "The price is locked until"), ("paid", "paid")):
        with pytest.raises(HostFailed) as failed:
            async with with_money(connection(), DEAL, TASK):
                raise HostFailed("no machine.", money=money)
        assert failed.value.money.startswith(begins)

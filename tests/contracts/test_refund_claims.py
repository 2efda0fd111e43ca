"""Anybody claims a task's price back once its final deadline has passed, opened or not, and as often as they like."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.hub import Hub
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ContractReverted, InputRefused, NotFound
from sealgrid.poco.ids import task_id
from sealgrid.sdk.money import MoneyState, format_time
from sealgrid.sdk.operations.refunds import claim, deal_of, tasks_of
from sealgrid.units import TaskId, to_digest
from tests.contracts.scene import Attempt, Market, attempt
from tests.contracts.test_money import TASK_PRICE

pytestmark = pytest.mark.chain
FINAL = 10 * 30


def connected(market: Market, hub: Hub | None = None) -> SimpleNamespace:
    return SimpleNamespace(hub=hub or market.hub, node=market.node, wallet=market.wallet("stranger"), clock=lambda: 0.0)


async def requesters(market: Market) -> tuple[int, int]:
    account = await market.hub.account(development_key("requester").address)
    return account.stake, account.locked


async def test_every_task_of_a_deal_that_no_pool_ever_opened_is_claimed(market: Market) -> None:
    free, locked = await requesters(market)
    deal = await market.deal(category="Short")
    tasks = await tasks_of(connected(market), deal)
    assert tasks == (task_id(deal, 0), task_id(deal, 1))
    await advance(market.node, FINAL)
    for task in tasks:
        assert (await market.hub.view_task(task)).status is TaskStatus.UNSET
        assert (await claim(connected(market), deal, task)).kind == "refunded"
    assert await requesters(market) == (free, locked)


async def test_before_the_deadline_it_is_said_from_when_on_and_nothing_is_sent(market: Market) -> None:
    deal = await market.deal(category="Short")
    until = (await market.hub.view_deal(deal)).start_time + FINAL
    with pytest.raises(InputRefused, match=f"can be claimed from {format_time(until)} on") as early:
        await claim(connected(market), deal, task_id(deal, 0))
    assert f"The price is locked until {format_time(until)}" in early.value.money
    assert (await market.hub.view_task(task_id(deal, 0))).status is TaskStatus.UNSET, "it was not even opened"


async def test_a_clock_of_this_machine_that_is_ahead_of_the_chain_claims_nothing_too_early(market: Market) -> None:
    made = await attempt(market, category="Short")
    ahead = connected(market)
    ahead.clock = lambda: 1e11
    with pytest.raises(InputRefused, match="can be claimed from"):
        await claim(ahead, made.deal, made.task)


async def test_a_claim_after_the_pools_own_is_no_error_and_moves_nothing(market: Market) -> None:
    made = await attempt(market, category="Short")
    await advance(market.node, FINAL)
    await market.hub.claim(market.wallet("pool"), made.task)
    before = await requesters(market)
    assert (await claim(connected(market), made.deal, made.task)).kind == "refunded"
    assert await market.hub.claim_refund(market.wallet("stranger"), made.deal, 0) is TaskStatus.FAILED
    assert await requesters(market) == before


class Raced(Hub):
    """A hub at which the pool does each step a moment before us."""

    pool = None

    async def initialize(self, wallet, deal, index):
        await super().initialize(self.pool, deal, index)
        return await super().initialize(wallet, deal, index)

    async def claim(self, wallet, task):
        await super().claim(self.pool, task)
        return await super().claim(wallet, task)


async def test_a_pool_that_claims_in_the_same_moment_is_no_error_either(market: Market) -> None:
    free, locked = await requesters(market)
    raced = Raced(market.node, market.hub.address)
    raced.pool = market.wallet("pool")
    deal = await market.deal(category="Short")
    await advance(market.node, FINAL)
    assert (await claim(connected(market, raced), deal, task_id(deal, 1))).kind == "refunded"
    assert await requesters(market) == (free - TASK_PRICE, locked + TASK_PRICE), "the deal's other task is still locked"


async def test_what_was_paid_is_never_claimed(good: Attempt) -> None:
    await good.publish()
    with pytest.raises(InputRefused, match="nothing to claim") as refused:
        await claim(connected(good.market), good.deal, good.task)
    assert "The run was paid" in refused.value.money
    assert await good.market.hub.claim_refund(good.market.wallet("stranger"), good.deal, 0) is TaskStatus.COMPLETED


async def test_a_refund_before_the_deadline_is_the_hubs_no(market: Market) -> None:
    made = await attempt(market, category="Short")
    with pytest.raises(ContractReverted):
        await market.hub.claim_refund(market.wallet("stranger"), made.deal, 0)


async def test_a_task_is_claimed_for_its_own_deal_only(market: Market) -> None:
    made = await attempt(market, category="Short")
    assert await deal_of(connected(market), made.task) == made.deal
    unknown = TaskId(to_digest(b"\x01" * 32))
    with pytest.raises(NotFound, match="has no task"):
        await claim(connected(market), made.deal, unknown)
    with pytest.raises(NotFound, match="give the deal"):
        await deal_of(connected(market), unknown)


async def test_who_sponsored_a_deal_is_named_and_refunded(market: Market) -> None:
    sponsor = market.wallet("pool")
    number = market.deployment.categories["Short"]
    deal = await market.hub.sponsor_match_orders(
        sponsor,
        market.app_order(),
        market.dataset_order(),
        market.pool_order(category=number),
        market.request(category=number),
    )
    await advance(market.node, FINAL)
    money = await claim(connected(market), deal, task_id(deal, 0))
    until = (await market.hub.view_deal(deal)).start_time + FINAL
    assert money == MoneyState("refunded", task_id(deal, 0), until, sponsor.address)

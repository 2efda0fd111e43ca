"""Deposits, locks, rewards and refunds, to the last nRLC."""

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.views import AccountView, TaskPayment, TaskStatus
from sealgrid.errors import ContractReverted
from sealgrid.poco.constants import KITTY_ADDRESS, pool_stake, worker_reward
from tests.contracts.scene import APP_PRICE, DATASET_PRICE, FUNDS, POOL_PRICE, Attempt, Market, attempt

pytestmark = pytest.mark.chain
TASK_PRICE = APP_PRICE + DATASET_PRICE + POOL_PRICE


def address(name: str) -> str:
    return development_key(name).address


async def test_a_deposit_moves_tokens_into_escrow_and_a_withdrawal_back(market: Market) -> None:
    requester = market.wallet("requester")
    balance = await market.hub.wallet_balance(requester.address)
    await market.hub.deposit(requester, 500)
    assert await market.hub.account(requester.address) == AccountView(stake=FUNDS + 500, locked=0)
    await market.hub.withdraw(requester, 200)
    assert await market.hub.account(requester.address) == AccountView(stake=FUNDS + 300, locked=0)
    assert await market.hub.wallet_balance(requester.address) == balance - 300


async def test_a_deal_locks_the_price_and_the_pools_stake(market: Market) -> None:
    deal = await market.hub.view_deal(await market.deal())
    assert await market.hub.account(address("requester")) == AccountView(
        stake=FUNDS - deal.bot_size * TASK_PRICE, locked=deal.bot_size * TASK_PRICE
    )
    stake = deal.bot_size * pool_stake(POOL_PRICE)
    assert await market.hub.account(address("pool")) == AccountView(stake=FUNDS - stake, locked=stake)


async def test_a_proved_result_pays_owner_developer_worker_and_pool(good: Attempt) -> None:
    await good.publish()
    worker = worker_reward(POOL_PRICE)
    assert await good.market.hub.payments(good.task) == [
        TaskPayment(address("developer"), APP_PRICE),
        TaskPayment(address("owner"), DATASET_PRICE),
        TaskPayment(address("worker"), worker),
        TaskPayment(address("pool"), POOL_PRICE - worker),
    ]
    assert (await good.market.hub.account(address("worker"))).stake == worker
    assert (await good.market.hub.account(address("requester"))).locked == TASK_PRICE  # the deal's second task


async def test_after_the_final_deadline_anyone_claims_the_requesters_refund(market: Market) -> None:
    open_task = await attempt(market, category="Short")
    before = await market.hub.account(address("requester"))
    await advance(market.node, 10 * 30)
    await market.hub.claim(market.wallet("stranger"), open_task.task)
    assert (await market.hub.view_task(open_task.task)).status == TaskStatus.FAILED
    after = await market.hub.account(address("requester"))
    assert (after.stake - before.stake, before.locked - after.locked) == (TASK_PRICE, TASK_PRICE)
    assert await market.hub.payments(open_task.task) == [TaskPayment(KITTY_ADDRESS, pool_stake(POOL_PRICE))]


async def test_a_sponsor_pays_for_the_requesters_deal_and_gets_the_refund(market: Market) -> None:
    sponsor, requester, number = "requester2", "requester", market.deployment.categories["Short"]
    orders = (market.app_order(), market.dataset_order(), market.pool_order(category=number))
    await market.hub.deposit_for(market.wallet(requester), FUNDS, address(sponsor))
    before = {name: await market.hub.account(address(name)) for name in (sponsor, requester)}
    deal = await market.hub.sponsor_match_orders(
        market.wallet(sponsor), *orders, market.request(category=number, volume=1)
    )
    view, balance = await market.hub.view_deal(deal), await market.hub.account(address(sponsor))
    assert (view.requester, view.sponsor) == (address(requester), address(sponsor))
    assert balance == AccountView(stake=before[sponsor].stake - TASK_PRICE, locked=before[sponsor].locked + TASK_PRICE)
    await advance(market.node, 10 * 30)
    task = await market.hub.initialize(market.wallet("stranger"), deal, 0)
    await market.hub.claim(market.wallet("stranger"), task)
    assert {name: await market.hub.account(address(name)) for name in (sponsor, requester)} == before


async def test_what_a_sponsor_locked_is_paid_out_and_the_requester_pays_nothing(market: Market) -> None:
    orders = (market.app_order(), market.dataset_order(), market.pool_order(), market.request(volume=1))
    await market.hub.deposit_for(market.wallet("requester"), FUNDS, address("requester2"))
    before = {name: await market.hub.account(address(name)) for name in ("requester2", "requester")}
    deal = await market.hub.sponsor_match_orders(market.wallet("requester2"), *orders)
    task = await market.hub.initialize(market.wallet("pool"), deal, 0)
    deadline = (await market.hub.view_task(task)).final_deadline
    await Attempt(market=market, deal=deal, task=task, expiry=deadline).publish()
    assert (await market.hub.view_task(task)).status == TaskStatus.COMPLETED
    after = {name: await market.hub.account(address(name)) for name in before}
    assert after["requester"] == before["requester"]
    assert after["requester2"].stake == before["requester2"].stake - TASK_PRICE
    assert after["requester2"].locked == before["requester2"].locked


async def test_a_claim_before_the_final_deadline_is_refused(market: Market) -> None:
    open_task = await attempt(market, category="Short")
    await advance(market.node, 8 * 30)
    with pytest.raises(ContractReverted, match="Claiming the refund"):
        await market.hub.claim(market.wallet("requester"), open_task.task)


async def test_money_is_neither_made_nor_lost_by_a_task(good: Attempt) -> None:
    names = ("requester", "owner", "developer", "worker", "pool")

    async def total() -> int:
        accounts = [await good.market.hub.account(address(name)) for name in names]
        return sum(account.stake + account.locked for account in accounts)

    before = await total()
    await good.publish()
    assert await total() == before


async def test_a_deposit_beyond_the_wallet_is_refused_with_a_reason(market: Market) -> None:
    with pytest.raises(ContractReverted, match="Depositing into escrow: The wallet holds less"):
        await market.hub.deposit(market.wallet("stranger"), 1)

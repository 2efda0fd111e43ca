"""Deposits, locks, rewards and refunds, to the last nRLC."""

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.views import AccountView, Payment, TaskStatus
from sealgrid.errors import ContractReverted
from sealgrid.poco.params import KITTY_ADDRESS, pool_stake, worker_reward
from tests.contracts.scene import APP_PRICE, DATASET_PRICE, FUNDS, POOL_PRICE, Attempt, Market, attempt

pytestmark = pytest.mark.chain
TASK_PRICE = APP_PRICE + DATASET_PRICE + POOL_PRICE


def address(name: str) -> str:
    return development_key(name).address


async def test_a_deposit_moves_tokens_into_escrow_and_a_withdrawal_back(market: Market) -> None:
    requester = market.wallet("requester")
    held = await market.hub.wallet_balance(requester.address)
    await market.hub.deposit(requester, 500)
    assert await market.hub.account(requester.address) == AccountView(stake=FUNDS + 500, locked=0)
    await market.hub.withdraw(requester, 200)
    assert await market.hub.account(requester.address) == AccountView(stake=FUNDS + 300, locked=0)
    assert await market.hub.wallet_balance(requester.address) == held - 300


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
        Payment(address("developer"), APP_PRICE),
        Payment(address("owner"), DATASET_PRICE),
        Payment(address("worker"), worker),
        Payment(address("pool"), POOL_PRICE - worker),
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
    assert await market.hub.payments(open_task.task) == [Payment(KITTY_ADDRESS, pool_stake(POOL_PRICE))]


async def test_before_the_final_deadline_nobody_claims(market: Market) -> None:
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


async def test_a_deposit_beyond_the_wallet_is_refused_in_words(market: Market) -> None:
    with pytest.raises(ContractReverted, match="Depositing into escrow: The wallet holds less"):
        await market.hub.deposit(market.wallet("stranger"), 1)

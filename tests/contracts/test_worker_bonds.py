"""The bond of a worker in an open pool, on the real hub."""

import pytest

from sealgrid.errors import CallRefused
from sealgrid.pool.bonds import WorkerBonds
from sealgrid.units import Address
from tests.contracts.scene import Market

pytestmark = pytest.mark.chain
BOND = 2 * 10**9


def bonds(market: Market) -> WorkerBonds:
    return WorkerBonds(BOND, market.hub.account, lambda _: True)


async def missing(market: Market, worker: Address) -> bool:
    try:
        await bonds(market).require_of_member(worker)
    except CallRefused:
        return True
    return False


async def test_a_bond_is_escrow_that_anyone_deposited_and_is_gone_when_the_worker_withdraws_it(market: Market) -> None:
    payer, wallet = market.wallet("admin"), market.wallet("worker3")
    worker, before = wallet.address, (await market.hub.account(wallet.address)).stake
    if before:
        await market.hub.withdraw(wallet, before)
    assert await missing(market, worker)
    await market.hub.deposit_for(payer, BOND, worker)
    assert not await missing(market, worker)
    await market.hub.withdraw(wallet, 1)
    assert await missing(market, worker)

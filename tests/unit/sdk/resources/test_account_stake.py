"""An account moves a worker's stake, and nothing to whom could not use it."""

from types import SimpleNamespace

import pytest

from sealgrid.errors import InputRefused, OrderRefused
from sealgrid.sdk.resources.account import AsyncAccount
from sealgrid.units import ZERO_ADDRESS, Address

ME, HUB, TOKEN, WORKER = (Address("0x" + f"{n:02x}" * 20) for n in range(1, 5))


class Hub:
    """A hub that counts what was deposited for whom; the wallet has 2 RLC."""

    def __init__(self) -> None:
        self.stakes: dict[Address, int] = {}

    async def account(self, account):
        return SimpleNamespace(stake=self.stakes.get(account, 0), locked=0)

    async def wallet_balance(self, account):
        return 2 * 10**9

    async def deposit_for(self, wallet, value, account):
        self.stakes[account] = self.stakes.get(account, 0) + value


def account_of(hub):
    network = SimpleNamespace(hub=HUB, token=TOKEN, has_development_accounts=False)
    return AsyncAccount(SimpleNamespace(hub=hub, wallet=None, address=ME, network=network))


async def test_a_stake_is_deposited_for_a_worker_and_counted_there():
    hub = Hub()
    assert str(await account_of(hub).deposit_stake(WORKER, "0.5")) == "0.5 RLC"
    assert str(await account_of(hub).deposit_stake(WORKER, "0.5")) == "1 RLC"
    assert hub.stakes == {WORKER: 10**9}


@pytest.mark.parametrize(
    ("worker", "rlc", "error"),
    [
        (ZERO_ADDRESS, "1", InputRefused),
        (HUB, "1", InputRefused),
        (TOKEN, "1", InputRefused),
        (WORKER, "2.1", OrderRefused),
        (WORKER, "0", OrderRefused),
    ],
)
async def test_nothing_is_sent_to_who_is_no_worker_or_without_enough_money(worker, rlc, error):
    hub = Hub()
    with pytest.raises(error):
        await account_of(hub).deposit_stake(worker, rlc)
    assert hub.stakes == {}

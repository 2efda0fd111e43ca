"""An account moves its own money, and test credits exist on local networks only."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.views import AccountView
from sealgrid.errors import InputRefused, OrderRefused
from sealgrid.sdk.amounts import amount
from sealgrid.sdk.resources.account import AsyncAccount
from sealgrid.units import to_address
from tests.unit.sdk.network_file import network

RLC = 10**9


class Hub:
    """An escrow with 5 RLC, of which 2 are locked, and a wallet."""

    def __init__(self) -> None:
        self.stake, self.moved = 3 * RLC, []

    async def account(self, address):
        return AccountView(self.stake, 2 * RLC)

    async def wallet_balance(self, address):
        return 7 * RLC

    async def withdraw(self, wallet, value):
        self.moved.append(-value)

    async def deposit(self, wallet, value):
        self.moved.append(value)


@pytest.fixture
def conn():
    return SimpleNamespace(hub=Hub(), wallet=None, address=to_address(b"\x01" * 20), network=network())


async def test_a_balance_has_wallet_free_and_locked_money(conn):
    balance = await AsyncAccount(conn).balance()
    assert (str(balance.wallet), str(balance.escrow), str(balance.locked)) == ("7 RLC", "3 RLC", "2 RLC")


async def test_by_default_all_free_money_is_withdrawn_and_never_more(conn):
    account = AsyncAccount(conn)
    await account.withdraw()
    await account.withdraw("0.5")
    with pytest.raises(OrderRefused, match="4 RLC cannot be withdrawn: 3 RLC is free in escrow"):
        await account.withdraw("4")
    await account.deposit(amount("2"))
    assert conn.hub.moved == [-3 * RLC, -RLC // 2, 2 * RLC]


async def test_real_credits_are_not_handed_out(conn):
    with pytest.raises(InputRefused, match="'quiet' is not a local network"):
        await AsyncAccount(conn).fund()

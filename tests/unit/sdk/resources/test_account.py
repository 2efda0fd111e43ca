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

    async def withdraw_to(self, wallet, value, account):
        self.moved.append((account, value))


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


BOB = to_address(b"\x02" * 20)


class TokenWallet:
    """A wallet that records its calls."""

    def __init__(self) -> None:
        self.calls = []

    async def call(self, to, contract, function, *arguments, action=""):
        self.calls.append((to, function, *arguments))


async def test_money_is_sent_from_the_wallet_or_from_escrow(conn):
    conn.wallet = TokenWallet()
    await AsyncAccount(conn).send(BOB, "7")
    assert conn.wallet.calls == [(conn.network.token, "transfer", BOB, 7 * RLC)]
    await AsyncAccount(conn).send(BOB.upper().replace("X", "x"), "3", from_escrow=True)
    assert conn.hub.moved == [(BOB, 3 * RLC)]


@pytest.mark.parametrize(
    ("amount_", "from_escrow", "message"),
    [
        ("7.000000001", False, "7 RLC is free in the wallet; nothing was sent"),
        ("3.5", True, "3 RLC is free in escrow; nothing was sent"),
        ("0", False, "0 RLC cannot be sent"),
    ],
)
async def test_more_than_there_is_and_nothing_are_not_sent(conn, amount_, from_escrow, message):
    with pytest.raises(OrderRefused, match=message):
        await AsyncAccount(conn).send(BOB, amount_, from_escrow=from_escrow)
    assert conn.hub.moved == []


async def test_a_receiver_that_is_no_other_account_is_refused(conn):
    for receiver in (conn.address, conn.network.hub, conn.network.token, "0x" + "00" * 20):
        with pytest.raises(InputRefused, match="is not another account; nothing was sent"):
            await AsyncAccount(conn).send(receiver, "1")
    with pytest.raises(InputRefused, match="'bob' is not an account; give its address"):
        await AsyncAccount(conn).send("bob", "1")

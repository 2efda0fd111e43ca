import asyncio

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.wallet import Wallet
from tests.contracts.scene import FUNDS, Market

pytestmark = pytest.mark.chain


async def test_one_wallet_may_be_used_by_many_at_once(market: Market) -> None:
    wallet = market.wallet("requester")
    receipts = await asyncio.gather(*(market.hub.deposit(wallet, 1) for _ in range(8)))
    assert len({receipt.transaction for receipt in receipts}) == 8
    assert (await market.hub.account(wallet.address)).stake == FUNDS + 8


async def test_two_wallets_of_one_key_do_not_lose_transactions(market: Market) -> None:
    wallets = [market.wallet("requester") for _ in range(2)]
    await asyncio.gather(*(market.hub.deposit(wallet, 1) for wallet in wallets for _ in range(4)))
    assert (await market.hub.account(wallets[0].address)).stake == FUNDS + 8


async def test_a_wallet_shows_its_address_and_never_its_key(market: Market) -> None:
    key = development_key("owner")
    shown = repr(Wallet(market.node, key))
    assert key.address in shown
    assert key.secret.hex() not in shown

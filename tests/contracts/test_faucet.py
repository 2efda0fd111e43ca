"""The faucet gives test money on a real chain, within its limits."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.hub import Hub
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ChainError, InputRefused, TooManyRequests
from sealgrid.localnet.faucet import DAY_SECONDS, Faucet, FaucetConfig, handlers
from sealgrid.units import Address
from sealgrid.wire.faucet import FundingReply, FundingRequest
from sealgrid.wire.message import decode, encode
from sealgrid.wire.server import create_app
from tests.contracts.scene import Market

LIMIT = 1000
CLIENT = "192.0.2.1"


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def faucet(market: Market, clock: Clock) -> Faucet:
    config = FaucetConfig(
        key_file=Path("unused"),
        node_url=market.node.url,
        token=market.deployment.token,
        daily_limit=LIMIT,
        requests_per_hour=5,
    )
    return Faucet(config, Wallet(market.node, development_key("admin")), clock)


def request(amount: int, account: str | None = None) -> FundingRequest:
    return FundingRequest(account=Address(account or SigningKey.generate().address), amount=amount)


async def test_an_account_gets_credits_and_ether_for_transactions(market: Market, faucet: Faucet):
    asked = request(LIMIT)
    reply = await faucet.give(asked, CLIENT)
    assert reply.amount == LIMIT
    assert await Hub(market.node, market.deployment.hub).wallet_balance(asked.account) == LIMIT
    assert int(await market.node.rpc("eth_getBalance", asked.account, "latest"), 16) == reply.wei > 0


async def test_ether_is_sent_only_to_an_account_with_too_little(faucet: Faucet):
    asked = request(1)
    assert [(await faucet.give(asked, CLIENT)).wei > 0 for _ in range(2)] == [True, False]


async def test_ether_that_cannot_be_sent_is_said_and_the_credits_are_there(
    market: Market, faucet: Faucet, monkeypatch: pytest.MonkeyPatch
):
    send = Wallet.send

    async def refuse_ether(self: Wallet, to: Address, data: bytes, *, value: int = 0, action: str = "") -> object:
        if value:
            raise ChainError(f"{action}: the node refused it.")
        return await send(self, to, data, action=action)

    monkeypatch.setattr(Wallet, "send", refuse_ether)
    asked = request(LIMIT)
    with pytest.raises(ChainError, match="Sending test ether after the RLC"):
        await faucet.give(asked, CLIENT)
    assert await Hub(market.node, market.deployment.hub).wallet_balance(asked.account) == LIMIT


async def test_over_http_it_replies_what_it_sent_and_when_to_ask_again(faucet: Faucet):
    transport = httpx.ASGITransport(create_app(handlers(faucet)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        answers = [await http.post("/funds", content=encode(request(1))) for _ in range(6)]
    assert decode(answers[0].content, FundingReply) == FundingReply(amount=1, wei=faucet.config.gas)
    assert answers[0].headers["content-type"] == "application/json"
    assert int(answers[5].headers["retry-after"]) in {12 * 60, 12 * 60 + 1}


async def test_the_limit_of_a_day_counts_what_the_chain_says_and_ends_with_the_day(market: Market, faucet: Faucet):
    asked = request(600)
    await faucet.give(asked, CLIENT)
    with pytest.raises(TooManyRequests, match="a day"):
        await faucet.give(asked, CLIENT)
    await advance(market.node, DAY_SECONDS + 1)
    assert (await faucet.give(asked, CLIENT)).amount == 600


async def test_a_restarted_faucet_knows_what_it_gave(market: Market, faucet: Faucet, clock: Clock):
    asked = request(LIMIT)
    await faucet.give(asked, CLIENT)
    again = Faucet(replace(faucet.config), Wallet(market.node, development_key("admin")), clock)
    with pytest.raises(TooManyRequests, match="a day"):
        await again.give(asked, CLIENT)


async def test_one_client_gets_only_so_many_answers_in_an_hour(faucet: Faucet, clock: Clock):
    for _ in range(5):
        await faucet.give(request(1), CLIENT)
    with pytest.raises(TooManyRequests, match=r"5 requests an hour; ask again in 1[23] min"):
        await faucet.give(request(1), CLIENT)
    await faucet.give(request(1), "192.0.2.2")
    clock.now += 13 * 60
    await faucet.give(request(1), CLIENT)


@pytest.mark.parametrize("amount", [0, -1, LIMIT + 1, 1 << 256])
async def test_an_amount_outside_the_limit_is_refused(faucet: Faucet, amount: int):
    with pytest.raises(InputRefused, match="ask for more than 0 and at most"):
        await faucet.give(request(amount), CLIENT)


@pytest.mark.parametrize("account", ["alice", "0x12", "0x" + "g" * 40])
async def test_what_is_no_address_is_refused(faucet: Faucet, account: str):
    with pytest.raises(InputRefused, match="is not an account's address"):
        await faucet.give(request(1, account), CLIENT)

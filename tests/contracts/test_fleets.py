"""What the owner of a fleet does with its account by the SDK, and what is refused before money moves."""

from types import SimpleNamespace

import pytest

from sealgrid.chain import artifacts
from sealgrid.chain.accounts import development_key
from sealgrid.errors import InputRefused, OrderRefused
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.resources.fleets import AsyncFleets, FleetMachine
from tests.contracts.scene import Market

pytestmark = pytest.mark.chain
MACHINE, OTHER = (development_key(name).address for name in ("worker2", "worker3"))
UNTIL = 2**40


def fleets(market: Market, name: str = "pool") -> AsyncFleets:
    wallet = market.wallet(name)
    network = SimpleNamespace(hub=market.hub.address, token=market.deployment.token, workerpool=market.pool)
    conn = SimpleNamespace(node=market.node, hub=market.hub, wallet=wallet, address=wallet.address, network=network)
    return AsyncFleets(conn)  # type: ignore[arg-type]


async def test_an_owner_adds_machines_stakes_and_collects(market: Market) -> None:
    mine = fleets(market)
    account = await mine.create()
    first = await mine.delegate(account, MACHINE, until=UNTIL)
    second = await mine.delegate(account, OTHER, until=UNTIL, stake="2")
    assert (first.pool, first.stake, second.stake) == (market.pool, Amount(0), Amount(2 * 10**9))
    fleet = await mine.get(account)
    assert fleet.machines == (FleetMachine(MACHINE, market.pool, UNTIL, Amount(0)), second)
    assert (fleet.account, fleet.owner) == (account, market.wallet("pool").address)
    assert (await mine.deposit(account, "0.5")).escrow == 5 * 10**8
    await mine.revoke(account, MACHINE)
    assert (await mine.get(account)).machines == (second,)
    before = await market.hub.wallet_balance(OTHER)
    assert await mine.collect(account, to=OTHER) == 5 * 10**8
    assert await market.hub.wallet_balance(OTHER) - before == 5 * 10**8
    assert await mine.collect(account) == 0


async def test_an_owner_revokes_and_collects_with_an_account_of_another_version(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = fleets(market)
    account = await mine.create()
    await mine.delegate(account, MACHINE, until=UNTIL)
    await mine.deposit(account, "0.5")
    monkeypatch.setattr(artifacts, "deployed_code", lambda *_: b"of the next version")
    for refused in (mine.delegate(account, OTHER, until=UNTIL), mine.deposit(account, "0.5")):
        with pytest.raises(InputRefused, match="of this version"):
            await refused
    assert [each.worker for each in (await mine.get(account)).machines] == [MACHINE]
    await mine.revoke(account, MACHINE)
    assert await mine.collect(account) == 5 * 10**8
    assert (await mine.get(account)).machines == ()


async def test_what_cannot_work_is_refused_before_anything_is_sent(market: Market) -> None:
    mine, stranger = fleets(market), fleets(market, "stranger")
    account = await mine.create()
    for refused, reason in (
        (stranger.delegate(account, MACHINE, until=UNTIL), "connect its owner"),
        (stranger.revoke(account, MACHINE), "connect its owner"),
        (stranger.collect(account), "connect its owner"),
        (mine.delegate(account, MACHINE, until=1), "has passed"),
        (mine.delegate(account, "0x12", until=UNTIL), "not an address"),
        (mine.revoke(account, MACHINE), "does not work for"),
        (mine.collect(account, to=account), "cannot use the money"),
        (mine.get(market.pool), "not a worker account"),
        (mine.get(OTHER), "not a worker account"),
    ):
        with pytest.raises(InputRefused, match=reason):
            await refused
    with pytest.raises(OrderRefused, match="the wallet has 0 RLC"):
        await stranger.deposit(account, "1")

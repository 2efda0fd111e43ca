"""Trust is added after a notice and withdrawn at once."""

from pathlib import Path

import pytest
from msgspec.structs import replace as but

from sealgrid.chain import artifacts
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig, advance
from sealgrid.chain.broker import Broker
from sealgrid.chain.deploy import deploy_broker
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import ContractReverted, ProofRefused
from sealgrid.units import to_digest
from tests.contracts.scene import RUNTIME, TDX, TERMS, Attempt, Market

pytestmark = pytest.mark.chain
DAY = 86_400
LATER = to_digest(b"\x16" * 32)
ON_A_PUBLIC_CHAIN = but(TERMS, platforms=(TDX,))


async def test_a_runtime_may_attest_once_the_notice_period_is_over(market: Market) -> None:
    admin = market.wallet("admin")
    broker = Broker(market.node, await deploy_broker(admin, market.hub.address, but(TERMS, notice=DAY)))
    assert await broker.runtime_allowed(RUNTIME)
    await broker.allow_runtime(admin, LATER)
    assert not await broker.runtime_allowed(LATER)
    await advance(market.node, DAY)
    assert await broker.runtime_allowed(LATER)


async def test_forbidding_a_runtime_needs_no_notice_and_allowing_it_again_does(market: Market) -> None:
    admin = market.wallet("admin")
    broker = Broker(market.node, await deploy_broker(admin, market.hub.address, but(TERMS, notice=DAY)))
    await broker.forbid_runtime(admin, RUNTIME)
    assert not await broker.runtime_allowed(RUNTIME)
    await broker.allow_runtime(admin, RUNTIME)
    assert not await broker.runtime_allowed(RUNTIME)


async def test_an_announced_runtime_can_be_forbidden_before_it_attests(market: Market) -> None:
    admin = market.wallet("admin")
    broker = Broker(market.node, await deploy_broker(admin, market.hub.address, but(TERMS, notice=DAY)))
    await broker.allow_runtime(admin, LATER)
    await broker.forbid_runtime(admin, LATER)
    await advance(market.node, 2 * DAY)
    assert not await broker.runtime_allowed(LATER)


async def test_allowing_a_runtime_twice_does_not_suspend_it_for_the_notice_period(market: Market) -> None:
    admin = market.wallet("admin")
    broker = Broker(market.node, await deploy_broker(admin, market.hub.address, but(TERMS, notice=DAY)))
    await broker.allow_runtime(admin, RUNTIME)
    assert await broker.runtime_allowed(RUNTIME)


async def test_12_nothing_is_accepted_while_it_is_paused(good: Attempt) -> None:
    broker, admin = good.market.broker, good.market.wallet("admin")
    await broker.pause(admin)
    assert await broker.paused()
    with pytest.raises(ProofRefused) as refused:
        await good.publish()
    assert refused.value.check == 12
    await broker.unpause(admin)
    await good.publish()


async def test_the_guardian_pauses_and_cannot_go_on(good: Attempt) -> None:
    broker, guardian = good.market.broker, good.market.wallet("publisher")
    await broker.change_guardian(good.market.wallet("admin"), guardian.address)
    await broker.pause(guardian)
    assert await good.judged() == 12
    with pytest.raises(ContractReverted, match="Only the owner"):
        await broker.unpause(guardian)


async def test_a_former_guardian_pauses_no_more(market: Market) -> None:
    admin, guardian = market.wallet("admin"), market.wallet("publisher")
    for each in (guardian.address, development_key("stranger").address):
        await market.broker.change_guardian(admin, each)
    with pytest.raises(ContractReverted, match="only owner and guardian"):
        await market.broker.pause(guardian)


async def test_strangers_neither_pause_nor_choose_the_guardian(market: Market) -> None:
    stranger = market.wallet("stranger")
    with pytest.raises(ContractReverted, match="only owner and guardian"):
        await market.broker.pause(stranger)
    with pytest.raises(ContractReverted, match="Only the owner"):
        await market.broker.change_guardian(stranger, stranger.address)


async def test_a_broker_without_an_owner_keeps_its_settings(good: Attempt) -> None:
    admin = good.market.wallet("admin")
    await admin.call(good.market.broker.address, "TeeBroker", "renounce_ownership")
    with pytest.raises(ContractReverted, match="only owner and guardian"):
        await good.market.broker.pause(admin)
    await good.publish()


async def test_on_a_public_chain_less_than_a_days_notice_needs_the_insecure_flag(anvil_binary: Path) -> None:
    async with await Anvil.start(AnvilConfig(binary=anvil_binary, chain=31338)) as anvil, Node(anvil.url) as node:
        admin = Wallet(node, development_key("admin"))
        hub = await admin.deploy(artifacts.bytecode("Owner"), artifacts.abi("Owner"), admin.address)
        with pytest.raises(ContractReverted, match="less than a day needs the insecure flag"):
            await deploy_broker(admin, hub, but(ON_A_PUBLIC_CHAIN, notice=DAY - 1))
        assert await Broker(node, await deploy_broker(admin, hub, but(ON_A_PUBLIC_CHAIN, notice=DAY))).notice_period()
        hasty = await deploy_broker(admin, hub, but(ON_A_PUBLIC_CHAIN, notice=0, insecure=True))
        assert await Broker(node, hasty).insecure()

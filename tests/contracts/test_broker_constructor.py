"""A broker that would accept too much cannot be deployed."""

from pathlib import Path

import pytest
from msgspec.structs import replace as but

from sealgrid.chain import artifacts
from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig
from sealgrid.chain.broker import Broker
from sealgrid.chain.deploy import deploy_broker
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import ContractReverted
from sealgrid.units import ZERO_ADDRESS, ZERO_DIGEST, Address
from tests.contracts.scene import RUNTIME, SIMULATED, TDX, TERMS, VAULTS, Market

pytestmark = pytest.mark.chain
ASCENDING = [key.address for key in VAULTS]


async def deploys(market: Market, **changes: object) -> Broker:
    terms = {
        "hub": market.hub.address,
        "vaults": ASCENDING,
        "threshold": 2,
        "platforms": 1 << SIMULATED,
        "runtimes": [RUNTIME],
        "notice": 0,
        "insecure": False,
    }
    arguments = (terms | changes).values()
    code, abi = artifacts.bytecode("TeeBroker"), artifacts.abi("TeeBroker")
    return Broker(market.node, await market.wallet("admin").deploy(code, abi, *arguments))


async def refuses(market: Market, reason: str, **changes: object) -> None:
    with pytest.raises(ContractReverted, match=reason):
        await deploys(market, **changes)


async def test_a_valid_federation_is_stored(market: Market) -> None:
    broker = await deploys(market)
    assert await broker.vaults() == tuple(ASCENDING)
    assert (await broker.threshold(), await broker.platforms()) == (2, 1 << SIMULATED)
    assert await broker.hub() == market.hub.address
    assert await broker.runtime_allowed(RUNTIME)
    assert not await broker.runtime_allowed(ZERO_DIGEST)


@pytest.mark.parametrize("threshold", [1, 4])
async def test_a_federation_has_a_vault_for_each_place(market: Market, threshold: int) -> None:
    many = sorted(development_key(name).address for name in NAMES)
    broker = await deploys(market, vaults=many[: 2 * threshold - 1], threshold=threshold)
    assert await broker.threshold() == threshold


async def test_threshold_0_is_refused(market: Market) -> None:
    await refuses(market, "threshold 0", threshold=0)


async def test_threshold_0_without_vaults_is_refused(market: Market) -> None:
    await refuses(market, "threshold 0", threshold=0, vaults=[])


@pytest.mark.parametrize(
    ("vaults", "threshold"), [(ASCENDING, 1), (ASCENDING, 3), (ASCENDING[:2], 1), (ASCENDING[:2], 2)]
)
async def test_another_number_than_2t_minus_1_is_refused(market: Market, vaults: list[Address], threshold: int) -> None:
    await refuses(market, "n = 2t - 1", vaults=vaults, threshold=threshold)


async def test_a_threshold_that_overflows_is_refused(market: Market) -> None:
    with pytest.raises(ContractReverted):
        await deploys(market, threshold=2**255 + 2)


async def test_a_zero_vault_is_refused(market: Market) -> None:
    await refuses(market, "strictly ascending", vaults=[ZERO_ADDRESS, *ASCENDING[:2]])


async def test_unsorted_vaults_are_refused(market: Market) -> None:
    await refuses(market, "strictly ascending", vaults=ASCENDING[::-1])


async def test_one_vault_listed_twice_is_refused(market: Market) -> None:
    await refuses(market, "strictly ascending", vaults=[ASCENDING[0], ASCENDING[0], ASCENDING[1]])


async def test_a_hub_without_code_is_refused(market: Market) -> None:
    await refuses(market, "no code", hub=development_key("stranger").address)


async def test_an_empty_bitmap_is_refused(market: Market) -> None:
    await refuses(market, "no platform", platforms=0)


async def test_a_zero_runtime_is_refused(market: Market) -> None:
    await refuses(market, "never zero", runtimes=[ZERO_DIGEST])


async def test_simulated_evidence_on_another_chain_needs_the_insecure_flag(anvil_binary: Path) -> None:
    config = AnvilConfig(binary=anvil_binary, chain=31338)
    async with await Anvil.start(config) as anvil, Node(anvil.url) as node:
        admin = Wallet(node, development_key("admin"))
        hub = await admin.deploy(artifacts.bytecode("Owner"), artifacts.abi("Owner"), admin.address)
        simulated = but(TERMS, notice=86_400)
        with pytest.raises(ContractReverted, match="insecure flag"):
            await deploy_broker(admin, hub, simulated)
        real = but(TERMS, platforms=(TDX,), notice=86_400)
        open_about_it = but(TERMS, insecure=True)
        assert not await Broker(node, await deploy_broker(admin, hub, real)).insecure()
        assert await Broker(node, await deploy_broker(admin, hub, open_about_it)).insecure()


async def test_only_the_owner_allows_and_forbids_runtimes(market: Market) -> None:
    for change in (market.broker.allow_runtime, market.broker.forbid_runtime):
        with pytest.raises(ContractReverted, match="Only the owner"):
            await change(market.wallet("stranger"), RUNTIME)


async def test_the_brokers_owner_changes_in_two_steps(market: Market) -> None:
    admin, heir = market.wallet("admin"), market.wallet("publisher")
    await admin.call(market.broker.address, "TeeBroker", "transfer_ownership", heir.address)
    assert await market.broker.owner() == admin.address
    await heir.call(market.broker.address, "TeeBroker", "accept_ownership")
    await market.broker.forbid_runtime(heir, RUNTIME)
    assert not await market.broker.runtime_allowed(RUNTIME)

"""Vaults are replaced in everyone's sight, and no verdict outlives the federation under which it was given."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as but

from sealgrid.attestation.binding import vault_set
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.broker import AnnouncedFederation, Broker
from sealgrid.chain.deploy import deploy_broker
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ContractReverted, ProofRefused
from sealgrid.units import Address
from tests.contracts.scene import TERMS, VAULTS, Attempt, Market, attempt

pytestmark = pytest.mark.chain
DAY = 86_400
OTHERS = tuple(sorted((development_key(name) for name in ("stranger", "worker2", "worker3")), key=lambda k: k.address))
NAMES = [key.address for key in OTHERS]


@pytest.fixture
async def careful(market: Market) -> Market:
    """The market, its hub asking a broker that gives a day's notice."""
    admin = market.wallet("admin")
    address = await deploy_broker(admin, market.hub.address, but(TERMS, notice=DAY))
    await admin.call(market.hub.address, "Hub", "setTeeBroker", address)
    broker = Broker(market.node, address)
    return replace(market, broker=broker, domain=await broker.domain(), vault_set=await broker.vault_set())


async def replaced(market: Market, vaults: list[Address], threshold: int) -> Market:
    """The market after its federation has been changed."""
    await market.broker.announce_federation(market.wallet("admin"), vaults, threshold)
    await advance(market.node, await market.broker.notice_period())
    await market.broker.change_federation(market.wallet("stranger"))
    return replace(market, vault_set=await market.broker.vault_set())


async def refused(bad: Attempt, check: int) -> None:
    with pytest.raises(ProofRefused) as caught:
        await bad.publish()
    assert caught.value.check == check
    assert await bad.market.hub.payments(bad.task) == []


@pytest.mark.parametrize("threshold", [1, 2, 3, 4])
async def test_chain_and_enclave_have_one_name_for_a_federation(market: Market, threshold: int) -> None:
    vaults = tuple(sorted(development_key(name).address for name in ("admin", "owner", "pool", "worker", "thief")))
    vaults = tuple(sorted({*vaults, *NAMES}))[: 2 * threshold - 1]
    broker = Broker(
        market.node,
        await deploy_broker(market.wallet("admin"), market.hub.address, but(TERMS, vaults=vaults, threshold=threshold)),
    )
    chain = await market.node.chain()
    name = vault_set(chain=chain, hub=market.hub.address, broker=broker.address, t=threshold, vaults=vaults)
    assert await broker.vault_set() == name


async def test_a_change_is_announced_before_it_is_in_force(careful: Market) -> None:
    assert await careful.broker.announced_federation() is None
    receipt = await careful.broker.announce_federation(careful.wallet("admin"), NAMES, 2)
    effective = (await careful.node.block(receipt.block_number)).timestamp + DAY
    assert await careful.broker.announced_federation() == AnnouncedFederation(tuple(NAMES), 2, effective)
    assert await careful.broker.vaults() == TERMS.vaults


async def test_the_federation_does_not_change_before_the_notice_period_is_over(careful: Market) -> None:
    admin = careful.wallet("admin")
    await careful.broker.announce_federation(admin, NAMES, 2)
    await advance(careful.node, DAY - 10)
    with pytest.raises(ContractReverted, match="notice period is not over"):
        await careful.broker.change_federation(admin)


async def test_after_the_notice_period_anyone_puts_it_in_force(careful: Market) -> None:
    changed = await replaced(careful, NAMES, 2)
    assert await changed.broker.vaults() == tuple(NAMES)
    assert await changed.broker.announced_federation() is None
    with pytest.raises(ContractReverted, match="nothing is announced"):
        await changed.broker.change_federation(changed.wallet("stranger"))


async def test_a_second_announcement_replaces_the_first_and_begins_anew(careful: Market) -> None:
    admin = careful.wallet("admin")
    await careful.broker.announce_federation(admin, NAMES, 2)
    await advance(careful.node, DAY)
    await careful.broker.announce_federation(admin, NAMES[:1], 1)
    with pytest.raises(ContractReverted, match="notice period is not over"):
        await careful.broker.change_federation(admin)


async def test_what_was_withdrawn_is_never_in_force(careful: Market) -> None:
    admin = careful.wallet("admin")
    await careful.broker.announce_federation(admin, NAMES, 2)
    await careful.broker.withdraw_federation(admin)
    await advance(careful.node, DAY)
    with pytest.raises(ContractReverted, match="nothing is announced"):
        await careful.broker.change_federation(admin)
    with pytest.raises(ContractReverted, match="nothing is announced"):
        await careful.broker.withdraw_federation(admin)


async def test_only_the_owner_announces_and_withdraws(careful: Market) -> None:
    stranger = careful.wallet("stranger")
    await careful.broker.announce_federation(careful.wallet("admin"), NAMES, 2)
    for change in (
        careful.broker.announce_federation(stranger, NAMES, 2),
        careful.broker.withdraw_federation(stranger),
    ):
        with pytest.raises(ContractReverted, match="Only the owner"):
            await change


@pytest.mark.parametrize(
    ("vaults", "threshold", "reason"),
    [
        ([], 0, "threshold 0"),
        (NAMES[:2], 1, "n = 2t - 1"),
        (NAMES, 1, "n = 2t - 1"),
        ([NAMES[0]] * 3, 2, "strictly ascending"),
        (["0x" + "00" * 20, *NAMES[:2]], 2, "strictly ascending"),
    ],
)
async def test_a_federation_that_accepts_too_much_is_not_even_announced(
    careful: Market, vaults: list[Address], threshold: int, reason: str
) -> None:
    with pytest.raises(ContractReverted, match=reason):
        await careful.broker.announce_federation(careful.wallet("admin"), vaults, threshold)


async def test_the_new_vaults_verdicts_count_and_the_former_ones_do_not(good: Attempt) -> None:
    changed = await replaced(good.market, NAMES, 2)
    await refused(good.but(market=changed), 10)
    await good.but(market=changed, signers=OTHERS[:2]).publish()


async def test_10_old_verdicts_do_not_count_though_their_vaults_remain(good: Attempt) -> None:
    stayed = [VAULTS[0].address, VAULTS[1].address, NAMES[0]]
    changed = await replaced(good.market, stayed, 2)
    await refused(good, 10)
    # New verdicts of the same vaults under the present federation are accepted.
    await good.but(market=changed).publish()


async def test_10_one_vaults_old_verdict_does_not_suffice_when_the_threshold_falls(good: Attempt) -> None:
    await replaced(good.market, [VAULTS[0].address], 1)
    await refused(good.but(signers=VAULTS[:1]), 10)


async def test_10_a_vault_that_left_counts_under_no_name(good: Attempt) -> None:
    changed = await replaced(good.market, [VAULTS[0].address, *NAMES[1:]], 2)
    await refused(good.but(market=changed), 10)


async def test_a_task_whose_federation_went_is_refunded(market: Market) -> None:
    open_task = await attempt(market, category="Short")
    await replaced(market, NAMES, 2)
    await refused(open_task, 10)
    before = await market.hub.account(development_key("requester").address)
    await advance(market.node, 10 * 30)
    await market.hub.claim(market.wallet("stranger"), open_task.task)
    assert (await market.hub.view_task(open_task.task)).status == TaskStatus.FAILED
    assert (await market.hub.account(development_key("requester").address)).stake > before.stake


async def test_a_result_of_the_former_federation_stays_completed(good: Attempt) -> None:
    await good.publish()
    await replaced(good.market, NAMES, 2)
    assert (await good.market.hub.view_task(good.task)).status == TaskStatus.COMPLETED

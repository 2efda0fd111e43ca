"""An AccessPolicy in an order's requesterrestrict: PoCo matches its members' requests only."""

import pytest

from sealgrid.chain.abi import interface
from sealgrid.chain.access_policy import FOREVER, AccessGrant, AccessPolicy, HolderRule
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ContractReverted
from sealgrid.units import ZERO_ADDRESS, Address, DealId
from tests.contracts.mocks import Mock
from tests.contracts.scene import Attempt, Market

pytestmark = pytest.mark.chain
REQUESTER = development_key("requester").address
HOUR = 3600


@pytest.fixture
async def policy(market: Market) -> AccessPolicy:
    return await AccessPolicy.deploy(market.wallet("owner"))


@pytest.fixture
async def shares(market: Market, policy: AccessPolicy) -> Mock:
    """A token of which two are enough."""
    shares = await Mock.deploy("Shares", market.wallet("stranger"))
    await policy.admit_holders(market.wallet("owner"), HolderRule(shares.address, 2))
    return shares


async def match(market: Market, policy: AccessPolicy, *, category: str = "Short") -> DealId:
    """The requester's deal, for a model whose order names the policy."""
    number = market.deployment.categories[category]
    return await market.hub.match_orders(
        market.wallet("requester"),
        market.app_order(),
        market.dataset_order(requesterrestrict=policy.address),
        market.pool_order(category=number),
        market.request(category=number),
    )


async def no_deal(market: Market, policy: AccessPolicy) -> None:
    assert not await policy.allows(REQUESTER)
    with pytest.raises(ContractReverted, match="restrict"):
        await match(market, policy)


async def now(market: Market) -> int:
    return (await market.node.block()).timestamp


async def test_a_new_policy_admits_no_account(market: Market, policy: AccessPolicy) -> None:
    await no_deal(market, policy)
    assert await policy.members() == []
    assert await policy.holder_rule() is None


async def test_who_was_granted_the_use_makes_a_deal(market: Market, policy: AccessPolicy) -> None:
    await policy.grant(market.wallet("owner"), REQUESTER)
    await match(market, policy)


async def test_another_accounts_grant_does_not_help(market: Market, policy: AccessPolicy) -> None:
    await policy.grant(market.wallet("owner"), development_key("stranger").address)
    await no_deal(market, policy)


async def test_after_a_revocation_there_is_no_new_deal(market: Market, policy: AccessPolicy) -> None:
    await policy.grant(market.wallet("owner"), REQUESTER)
    await match(market, policy)
    await policy.revoke(market.wallet("owner"), REQUESTER)
    await no_deal(market, policy)


async def test_when_a_grant_ends_there_is_no_new_deal(market: Market, policy: AccessPolicy) -> None:
    await policy.grant(market.wallet("owner"), REQUESTER, until=await now(market) + HOUR)
    await match(market, policy)
    await advance(market.node, HOUR)
    await no_deal(market, policy)


async def test_a_grant_ends_at_its_second_and_not_before(market: Market, policy: AccessPolicy) -> None:
    until = await now(market) + HOUR
    await policy.grant(market.wallet("owner"), REQUESTER, until=until)
    for second, allowed in ((until - 1, True), (until, False)):
        await market.node.rpc("evm_setNextBlockTimestamp", second)
        await market.node.rpc("evm_mine")
        assert await policy.allows(REQUESTER) is allowed


async def test_a_later_grant_replaces_a_revocation_and_an_earlier_end(market: Market, policy: AccessPolicy) -> None:
    owner = market.wallet("owner")
    await policy.grant(owner, REQUESTER, until=await now(market) + HOUR)
    await policy.revoke(owner, REQUESTER)
    await policy.grant(owner, REQUESTER)
    await advance(market.node, 2 * HOUR)
    await match(market, policy)


async def test_a_grant_in_the_past_is_refused(market: Market, policy: AccessPolicy) -> None:
    with pytest.raises(ContractReverted, match="that time has passed"):
        await policy.grant(market.wallet("owner"), REQUESTER, until=await now(market))


async def test_address_zero_is_granted_nothing(market: Market, policy: AccessPolicy) -> None:
    with pytest.raises(ContractReverted, match="address zero"):
        await policy.grant(market.wallet("owner"), ZERO_ADDRESS)


async def test_what_a_revocation_cannot_reach_ends_with_the_deals_contribution_deadline(
    market: Market, policy: AccessPolicy
) -> None:
    """The worst-case delay on chain: seven times the category's timeref, counted from the match."""
    await policy.grant(market.wallet("owner"), REQUESTER)
    deal = await match(market, policy)
    await policy.revoke(market.wallet("owner"), REQUESTER)
    pool = market.wallet("pool")
    tasks = [await market.hub.initialize(pool, deal, index) for index in (0, 1)]
    deadline = (await market.hub.view_task(tasks[0])).contribution_deadline
    early, late = (Attempt(market, deal, task, deadline, index) for index, task in enumerate(tasks))
    await early.publish()
    assert (await market.hub.view_task(early.task)).status == TaskStatus.COMPLETED
    await advance(market.node, 7 * 30)
    with pytest.raises(ContractReverted):
        await late.publish()


async def test_who_holds_enough_of_the_token_makes_a_deal(market: Market, policy: AccessPolicy, shares: Mock) -> None:
    await shares.call("set_balance", REQUESTER, 1)
    await no_deal(market, policy)
    await shares.call("set_balance", REQUESTER, 2)
    await match(market, policy)


async def test_an_nft_is_a_token_too(market: Market, policy: AccessPolicy) -> None:
    registry = market.deployment.dataset_registry
    await policy.admit_holders(market.wallet("owner"), HolderRule(registry, 1))
    await no_deal(market, policy)
    await market.assets.create_dataset(
        market.wallet("requester"), name="ticket", multiaddr="/ipfs/t", checksum="0x" + "11" * 32
    )
    await match(market, policy)


async def test_a_revoked_holder_makes_no_deal(market: Market, policy: AccessPolicy, shares: Mock) -> None:
    await shares.call("set_balance", REQUESTER, 2)
    await policy.revoke(market.wallet("owner"), REQUESTER)
    await no_deal(market, policy)


async def test_when_holders_are_no_longer_admitted_holding_does_not_help(
    market: Market, policy: AccessPolicy, shares: Mock
) -> None:
    await shares.call("set_balance", REQUESTER, 2)
    await policy.admit_holders(market.wallet("owner"), None)
    await no_deal(market, policy)


@pytest.mark.parametrize("fault", [1, 2, 3], ids=["reverts with a number", "burns all gas", "answers nothing"])
async def test_a_token_that_misbehaves_admits_no_account(
    market: Market, policy: AccessPolicy, shares: Mock, fault: int
) -> None:
    await shares.call("set_balance", REQUESTER, 2)
    await shares.call("set_fault", fault)
    await no_deal(market, policy)
    await policy.grant(market.wallet("owner"), REQUESTER)
    await match(market, policy)


async def test_a_token_without_code_is_refused(market: Market, policy: AccessPolicy) -> None:
    with pytest.raises(ContractReverted, match="the token has no code"):
        await policy.admit_holders(market.wallet("owner"), HolderRule(REQUESTER, 1))


async def test_a_minimum_of_nothing_is_refused(market: Market, policy: AccessPolicy, shares: Mock) -> None:
    with pytest.raises(ContractReverted, match="admits everyone"):
        await policy.admit_holders(market.wallet("owner"), HolderRule(shares.address, 0))


@pytest.mark.parametrize(
    ("key", "purpose", "answer"),
    [
        (bytes(12) + bytes.fromhex(REQUESTER[2:]), 4, True),
        (bytes(12) + bytes.fromhex(REQUESTER[2:]), 1, False),
        (bytes(11) + b"\x01" + bytes.fromhex(REQUESTER[2:]), 4, False),
        (bytes.fromhex(REQUESTER[2:]) + bytes(12), 4, False),
        (bytes(32), 4, False),
    ],
    ids=["a member", "another purpose", "a dirty byte", "padded on the wrong side", "no account"],
)
async def test_a_key_is_an_address_padded_on_the_left(
    market: Market, policy: AccessPolicy, key: bytes, purpose: int, answer: bool
) -> None:
    await policy.grant(market.wallet("owner"), REQUESTER)
    abi = interface("AccessPolicy")
    answered = await market.node.call(policy.address, abi.call_data("keyHasPurpose", key, purpose))
    assert abi.decode("keyHasPurpose", answered) is answer


async def test_only_the_owner_decides(market: Market, policy: AccessPolicy) -> None:
    stranger = market.wallet("stranger")
    for change in (
        policy.grant(stranger, stranger.address),
        policy.revoke(stranger, REQUESTER),
        policy.admit_holders(stranger, None),
    ):
        with pytest.raises(ContractReverted, match="Only the owner"):
            await change


async def test_the_policys_owner_changes_in_two_steps(market: Market, policy: AccessPolicy) -> None:
    owner, heir = market.wallet("owner"), market.wallet("publisher")
    await owner.call(policy.address, "AccessPolicy", "transfer_ownership", heir.address)
    assert await policy.owner() == owner.address
    await heir.call(policy.address, "AccessPolicy", "accept_ownership")
    assert await policy.owner() == heir.address
    await policy.grant(heir, REQUESTER)


async def test_members_are_read_from_events(market: Market, policy: AccessPolicy) -> None:
    owner, names = market.wallet("owner"), ("requester", "requester2", "publisher")
    accounts: list[Address] = [development_key(name).address for name in names]
    until = await now(market) + HOUR
    await policy.grant(owner, accounts[0], until=until)
    await policy.grant(owner, accounts[1])
    await policy.grant(owner, accounts[2], until=until)
    await policy.grant(owner, accounts[0], until=until + 1)
    await policy.revoke(owner, accounts[2])
    await policy.revoke(owner, owner.address)
    assert await policy.members() == sorted(
        [AccessGrant(accounts[0], until + 1), AccessGrant(accounts[1], FOREVER)], key=lambda member: member.account
    )

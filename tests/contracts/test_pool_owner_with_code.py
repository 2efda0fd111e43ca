"""A workerpool may belong to a contract: then its ERC-1271 answer is the pool's authorisation, as PoCo has it."""

from dataclasses import replace

import pytest

from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.poco import ids
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.poco.tags import TEE_TAG
from sealgrid.poco.typed_data import order_hash
from tests.contracts.mocks import Mock
from tests.contracts.scene import POOL_PRICE, Attempt, Market

pytestmark = pytest.mark.chain


@pytest.fixture
async def owner(market: Market) -> Mock:
    """A contract that owns the pool and has a deposit for its stake."""
    contract = await Mock.deploy("SigningOwner", market.wallet("stranger"))
    await market.assets.transfer(market.wallet("pool"), "Workerpool", market.pool, contract.address)
    await market.hub.deposit_for(market.wallet("pool"), 1000, contract.address)
    return contract


@pytest.fixture
async def good(market: Market, owner: Mock) -> Attempt:
    order = WorkerpoolOrder(workerpool=market.pool, workerpoolprice=POOL_PRICE, volume=10, tag=TEE_TAG)
    await owner.call("approve", bytes.fromhex(order_hash(order, market.orders)[2:]))
    deal = await market.hub.match_orders(
        market.wallet("requester"), market.app_order(), market.dataset_order(), order, market.request()
    )
    task = await market.hub.initialize(market.wallet("stranger"), deal, 0)
    deadline = (await market.hub.view_task(task)).contribution_deadline
    return Attempt(market=market, deal=deal, task=task, expiry=deadline, pool_signature=b"presigned")


async def test_what_the_owning_contract_approved_is_accepted(good: Attempt, owner: Mock) -> None:
    await owner.call("approve", good.digest)
    assert await good.judged() == 0
    await good.publish()


async def test_4_what_the_owning_contract_did_not_approve_is_refused(good: Attempt) -> None:
    assert await good.judged() == 4


async def test_4_another_workers_approval_does_not_help(good: Attempt, owner: Mock) -> None:
    thief = good.but(worker=good.market.wallet("thief").address)
    await owner.call(
        "approve", personal_digest(ids.authorisation_message(thief.worker, good.task, good.enclave.address))
    )
    assert await good.judged() == 4


async def test_4_an_owning_contract_that_reverts_is_a_refusal_whatever_it_reverts_with(
    good: Attempt, owner: Mock
) -> None:
    await owner.call("approve", good.digest)
    assert await good.but(pool_signature=b"revert").judged() == 4


async def test_4_the_former_owners_key_is_no_authorisation(good: Attempt) -> None:
    assert await replace(good, pool_signature=None).judged() == 4


async def test_4_a_stranger_who_holds_no_pool_is_refused(good: Attempt) -> None:
    stranger = SigningKey.from_bytes(b"\x11" * 32)
    assert await good.but(pool_signature=stranger.sign(good.digest)).judged() == 4

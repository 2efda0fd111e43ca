"""A workerpool that a PoolGate owns, on a hub without a teebroker: the whole way of a task, and the rights of each account."""

from dataclasses import replace

import pytest

from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import advance
from sealgrid.chain.deploy import deploy_gate
from sealgrid.chain.hub import order_values
from sealgrid.chain.pool_gate import PoolGate, encode_proof_without_enclave
from sealgrid.chain.views import ContributionStatus, TaskPayment, TaskStatus
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import personal_digest
from sealgrid.errors import ContractReverted
from sealgrid.poco import ids
from sealgrid.poco.constants import pool_stake, worker_reward
from sealgrid.poco.tags import NO_TAG
from sealgrid.poco.typed_data import order_hash, sign_order
from sealgrid.units import ZERO_ADDRESS, DealId, TaskId, to_digest
from tests.contracts.gate_market import OPERATOR, GatedMarket, gated, operator_signs
from tests.contracts.mocks import Mock
from tests.contracts.scene import APP_PRICE, DATASET_PRICE, FUNDS, POOL_PRICE, RESULT, TERMS, Attempt, Market, attempt

pytestmark = pytest.mark.chain
WORKER = development_key("worker").address
ONLY_THE_OPERATOR = "only the operator runs the pool"


@pytest.fixture
async def market(market: Market) -> GatedMarket:
    return await gated(market)


async def plain_task(market: GatedMarket, **changes: object) -> tuple[DealId, TaskId]:
    """A deal without a TEE, and its first task."""
    deal = await market.deal(**{"tag": NO_TAG, **changes})
    return deal, await market.hub.initialize(market.wallet(OPERATOR), deal, 0)


def signature_digest(task: TaskId) -> bytes:
    return personal_digest(ids.authorisation_message(WORKER, task, ZERO_ADDRESS))


def pool_signature(deal: DealId, task: TaskId) -> bytes:
    return encode_proof_without_enclave(
        worker=WORKER, deal=deal, index=0, pool_signature=operator_signs(signature_digest(task))
    )


async def publish_plain(market: GatedMarket, task: TaskId, authorisation: bytes, callback: bytes = b"") -> None:
    await market.hub.contribute_and_finalize(
        market.wallet("worker"),
        task=task,
        result_digest=to_digest(keccak256(callback)) if callback else RESULT,
        results=b"{}",
        enclave=ZERO_ADDRESS,
        enclave_signature=b"",
        authorisation=authorisation,
        callback=callback,
    )


async def contribute(good: Attempt, authorisation: bytes) -> None:
    """PoCo's other way: commit now, reveal later, the pool's owner finalises."""
    digest = bytes.fromhex(RESULT[2:])
    task = bytes.fromhex(good.task[2:])
    sealed = keccak256(bytes.fromhex(WORKER[2:]), task, digest)
    arguments = (keccak256(task, digest), sealed, good.enclave.address)
    signature = good.enclave.sign(personal_digest(ids.enclave_message(WORKER, good.task, RESULT)))
    worker = good.market.wallet("worker")
    await worker.call(good.market.hub.address, "Hub", "contribute", good.task, *arguments, signature, authorisation)


@pytest.fixture
async def staked(market: GatedMarket) -> GatedMarket:
    """The worker has a stake, which contributing locks."""
    await market.hub.deposit_for(market.wallet("admin"), 1000, WORKER)
    return market


async def test_without_a_teebroker_a_result_needs_t_verdicts(good: Attempt) -> None:
    assert await good.market.hub.teebroker() == ZERO_ADDRESS
    with pytest.raises(ContractReverted):
        await good.publish(operator_signs(good.digest))
    await good.publish()
    contribution = await good.market.hub.view_contribution(good.task, good.worker)
    assert contribution.status is ContributionStatus.PROVED


async def test_everyone_is_paid_and_the_operator_withdraws_the_pools_part(good: Attempt, market: GatedMarket) -> None:
    await good.publish()
    worker = worker_reward(POOL_PRICE)
    assert await market.hub.payments(good.task) == [
        TaskPayment(development_key("developer").address, APP_PRICE),
        TaskPayment(development_key("owner").address, DATASET_PRICE),
        TaskPayment(WORKER, worker),
        TaskPayment(market.gate.address, POOL_PRICE - worker),
    ]
    operator = market.wallet(OPERATOR)
    balance = await market.hub.wallet_balance(operator.address)
    free = (await market.hub.account(market.gate.address)).stake
    assert free == FUNDS - pool_stake(POOL_PRICE) + POOL_PRICE - worker
    await market.gate.withdraw(operator, free)
    assert await market.hub.wallet_balance(operator.address) == balance + free


async def test_the_locked_stake_is_not_withdrawn(good: Attempt, market: GatedMarket) -> None:
    with pytest.raises(ContractReverted):
        await market.gate.withdraw(market.wallet(OPERATOR), FUNDS)


async def test_an_order_that_was_not_presigned_does_not_match(market: GatedMarket) -> None:
    for key in ("pool", "admin"):
        order = sign_order(market.pool_order(), market.orders, development_key(key))
        with pytest.raises(ContractReverted):
            await market.hub.match_orders(
                market.wallet("requester"), market.app_order(), market.dataset_order(), order, market.request()
            )


async def test_a_closed_order_matches_no_more(market: GatedMarket) -> None:
    order = market.pool_order()
    await market.gate.sign_order(market.wallet(OPERATOR), order)
    await market.gate.close_order(market.wallet(OPERATOR), order)
    assert await market.hub.view_consumed(order_hash(order, market.orders)) == order.volume
    with pytest.raises(ContractReverted, match="used up or was cancelled"):
        await market.deal()


async def test_a_signature_of_the_operator_is_no_presignature(market: GatedMarket) -> None:
    order = market.pool_order()
    signed = operator_signs(bytes.fromhex(order_hash(order, market.orders)[2:]))
    with pytest.raises(ContractReverted):
        await market.wallet("stranger").call(
            market.hub.address, "Hub", "manageWorkerpoolOrder", (order_values(order), 0, signed)
        )
    assert await market.hub.view_presigned(order_hash(order, market.orders)) == ZERO_ADDRESS


async def test_without_a_tee_the_operators_signature_is_enough(market: GatedMarket) -> None:
    deal, task = await plain_task(market)
    await publish_plain(market, task, pool_signature(deal, task))
    assert (await market.hub.view_task(task)).status is TaskStatus.COMPLETED


async def test_1_without_a_tee_a_bare_signature_of_the_operator_is_refused(market: GatedMarket) -> None:
    _, task = await plain_task(market)
    bare = operator_signs(signature_digest(task))
    assert await market.gate.judge(signature_digest(task), bare) == 1
    with pytest.raises(ContractReverted):
        await publish_plain(market, task, bare)


async def test_4_without_a_tee_another_signature_is_refused(market: GatedMarket) -> None:
    deal, task = await plain_task(market)
    signed = development_key("stranger").sign(signature_digest(task))
    proof = encode_proof_without_enclave(worker=WORKER, deal=deal, index=0, pool_signature=signed)
    assert await market.gate.judge(signature_digest(task), proof) == 4


async def test_2_a_signature_about_another_worker_is_refused(market: GatedMarket) -> None:
    deal, task = await plain_task(market)
    thief = personal_digest(ids.authorisation_message(development_key("thief").address, task, ZERO_ADDRESS))
    assert await market.gate.judge(thief, pool_signature(deal, task)) == 2


async def test_13_a_signature_without_an_enclave_is_refused_where_the_deal_requires_one(
    good: Attempt, market: GatedMarket
) -> None:
    assert await market.gate.judge(signature_digest(good.task), pool_signature(good.deal, good.task)) == 13
    with pytest.raises(ContractReverted):
        await publish_plain(market, good.task, pool_signature(good.deal, good.task))


async def test_13_vaults_sign_nothing_about_a_task_without_an_enclave(market: GatedMarket) -> None:
    class Nobody:
        address = ZERO_ADDRESS

    deal, task = await plain_task(market)
    odd = Attempt(market=market, deal=deal, task=task, expiry=2**40, enclave=Nobody())
    assert await odd.judged() == 13


async def test_12_while_it_is_paused_no_signature_counts(market: GatedMarket) -> None:
    deal, task = await plain_task(market)
    await market.gate.pause(market.wallet("admin"))
    assert await market.gate.judge(signature_digest(task), pool_signature(deal, task)) == 12


async def test_4_a_deal_of_another_pool_is_none_of_the_gates_business(market: GatedMarket) -> None:
    pool = await market.assets.create_workerpool(market.wallet(OPERATOR), description="not gated")
    fields = {"workerpool": pool, "volume": 10, "workerpoolprice": POOL_PRICE}
    order = sign_order(market.pool_order(**fields), market.orders, development_key(OPERATOR))
    deal = await market.hub.match_orders(
        market.wallet("requester"), market.app_order(), market.dataset_order(), order, market.request()
    )
    task = await market.hub.initialize(market.wallet(OPERATOR), deal, 0)
    deadline = (await market.hub.view_task(task)).contribution_deadline
    assert await Attempt(market=market, deal=deal, task=task, expiry=deadline).judged() == 4


async def test_a_contribution_is_judged_too_and_the_operator_finalises(staked: GatedMarket) -> None:
    good = await attempt(staked)
    with pytest.raises(ContractReverted):
        await contribute(good, operator_signs(good.digest))
    with pytest.raises(ContractReverted):
        await contribute(good, good.but(signers=good.signers[:1]).proof())
    await contribute(good, good.proof())
    worker = staked.wallet("worker")
    await worker.call(staked.hub.address, "Hub", "reveal", good.task, RESULT)
    await staked.gate.finalize(staked.wallet(OPERATOR), good.task, results=b"{}")
    assert (await staked.hub.view_task(good.task)).status is TaskStatus.COMPLETED


async def test_the_operator_reopens_a_task_without_a_revealed_result(staked: GatedMarket) -> None:
    good = await attempt(staked, category="Short")
    await contribute(good, good.proof())
    await advance(staked.node, 2 * 30)
    await staked.gate.reopen(staked.wallet(OPERATOR), good.task)
    assert (await staked.hub.view_task(good.task)).status is TaskStatus.ACTIVE


async def test_the_operator_changes_the_pools_policy(market: GatedMarket) -> None:
    await market.gate.change_policy(market.wallet(OPERATOR), market.pool, stake=5, reward=7)
    deal = await market.hub.view_deal(await market.deal())
    assert (deal.worker_stake, deal.scheduler_reward_ratio) == (POOL_PRICE * 5 // 100, 7)


@pytest.mark.parametrize("name", ["stranger", "worker", "admin"])
async def test_only_the_operator_runs_the_pool(good: Attempt, market: GatedMarket, name: str) -> None:
    other, gate, order = market.wallet(name), market.gate, market.pool_order()
    for call in (
        gate.sign_order(other, order),
        gate.close_order(other, order),
        gate.finalize(other, good.task, results=b""),
        gate.reopen(other, good.task),
        gate.change_policy(other, market.pool, stake=1, reward=1),
        gate.withdraw(other, 1),
    ):
        with pytest.raises(ContractReverted, match=ONLY_THE_OPERATOR):
            await call


async def test_a_former_operators_authorisation_is_refused(good: Attempt, market: GatedMarket) -> None:
    heir = development_key("publisher")
    await market.gate.change_operator(market.wallet("admin"), heir.address)
    assert await market.gate.operator() == heir.address
    assert await good.judged() == 4
    assert await good.but(pool=heir).judged() == 0
    with pytest.raises(ContractReverted, match=ONLY_THE_OPERATOR):
        await market.gate.withdraw(market.wallet(OPERATOR), 1)


async def test_only_the_owner_names_the_operator(market: GatedMarket) -> None:
    with pytest.raises(ContractReverted, match="Only the owner"):
        await market.gate.change_operator(market.wallet(OPERATOR), development_key("stranger").address)
    for account in (ZERO_ADDRESS, market.gate.address):
        with pytest.raises(ContractReverted, match="another account"):
            await market.gate.change_operator(market.wallet("admin"), account)


async def test_an_operator_that_is_a_contract_authorises_by_erc_1271(good: Attempt, market: GatedMarket) -> None:
    contract = await Mock.deploy("SigningOwner", market.wallet("stranger"))
    await market.gate.change_operator(market.wallet("admin"), contract.address)
    announced = replace(good, pool_signature=b"announced")
    assert await announced.judged() == 4
    await contract.call("approve", good.digest)
    assert await announced.judged() == 0
    await announced.publish()


async def test_4_an_operator_that_would_write_while_it_is_asked_is_refused(good: Attempt, market: GatedMarket) -> None:
    writer = await Mock.deploy("WritingOwner", market.wallet("stranger"))
    await writer.call("isValidSignature", good.digest, b"")
    assert await writer.read("calls") == 1
    await market.gate.change_operator(market.wallet("admin"), writer.address)
    assert await replace(good, pool_signature=b"yes").judged() == 4
    with pytest.raises(ContractReverted):
        await replace(good, pool_signature=b"yes").publish()
    assert await writer.read("calls") == 1


async def test_what_poco_calls_back_cannot_move_the_gates_money(market: GatedMarket) -> None:
    receiver = await Mock.deploy("Reentrant", market.wallet("stranger"))
    await receiver.call("prepare", market.gate.address, interface("PoolGate").call_data("withdraw", 1))
    deal, task = await plain_task(market, callback=receiver.address)
    await publish_plain(market, task, pool_signature(deal, task), callback=b"data")
    assert [await receiver.read(name) for name in ("called", "succeeded")] == [True, False]


async def test_there_is_no_way_to_give_a_pool_away(market: GatedMarket) -> None:
    callable_ = [entry for entry in artifacts.abi("PoolGate") if entry["type"] == "function"]
    functions = {entry["name"] for entry in callable_ if entry["stateMutability"] not in ("view", "pure")}
    trust = {"announce_federation", "withdraw_federation", "change_federation", "allow_runtime", "forbid_runtime"}
    people = {"transfer_ownership", "accept_ownership", "renounce_ownership", "change_operator", "change_guardian"}
    running = {"sign_order", "close_order", "finalize", "reopen", "change_policy", "withdraw", "pause", "unpause"}
    assert functions == trust | people | running
    assert await market.assets.owner(market.pool) == market.gate.address


async def test_a_gate_without_an_operator_cannot_be_deployed(market: GatedMarket) -> None:
    with pytest.raises(ContractReverted, match="another account"):
        await deploy_gate(market.wallet("admin"), market.hub.address, TERMS, ZERO_ADDRESS)
    address = await deploy_gate(market.wallet("admin"), market.hub.address, TERMS, development_key("stranger").address)
    assert await PoolGate(market.node, address).operator() == development_key("stranger").address

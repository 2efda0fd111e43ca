"""TeeBroker and PoolGate on real PoCo: what they accept, and one refusal by number for each check."""

from collections.abc import Callable

import pytest
from eth_abi.abi import decode, encode

from sealgrid.chain.accounts import development_key
from sealgrid.chain.broker import CHECKS, PROOF, encode_proof
from sealgrid.chain.views import ContributionStatus, TaskStatus
from sealgrid.crypto.signing import ORDER, SigningKey
from sealgrid.errors import ContractReverted, ProofRefused
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.units import ZERO_ADDRESS, to_digest
from tests.contracts.gate_market import GatedMarket, judged_by
from tests.contracts.scene import RESULT, TDX, VAULTS, Attempt, Market, attempt

pytestmark = pytest.mark.chain


@pytest.fixture(params=["broker", "gate"])
async def market(request: pytest.FixtureRequest, market: Market) -> Market:
    """The market with either judge."""
    return await judged_by(request.param, market)


async def refuses(bad: Attempt, check: int, proof: bytes | None = None) -> None:
    """The broker names the check, PoCo refuses the result, and no account is paid."""
    assert await bad.judged(proof) == check
    with pytest.raises(ProofRefused) as refused:
        await bad.publish(proof)
    assert refused.value.check == check
    assert CHECKS[check] in str(refused.value)
    assert (await bad.market.hub.view_task(bad.task)).status == TaskStatus.ACTIVE
    assert await bad.market.hub.payments(bad.task) == []


@pytest.mark.parametrize("signers", [VAULTS[:2], VAULTS[1:], (VAULTS[2], VAULTS[0]), VAULTS])
async def test_a_result_with_enough_vaults_is_accepted_and_proved(
    good: Attempt, signers: tuple[SigningKey, ...]
) -> None:
    right = good.but(signers=signers)
    assert await right.judged() == 0
    await right.publish()
    task = await good.market.hub.view_task(good.task)
    contribution = await good.market.hub.view_contribution(good.task, good.worker)
    assert (task.status, task.result_digest) == (TaskStatus.COMPLETED, RESULT)
    assert (contribution.status, contribution.enclave) == (ContributionStatus.PROVED, good.enclave.address)


async def test_1_the_pools_signature_alone_is_refused(good: Attempt) -> None:
    await refuses(good, 1, good.pool.sign(good.digest))


async def test_1_an_empty_proof_is_refused(good: Attempt) -> None:
    await refuses(good, 1, b"")


async def test_1_a_proof_cut_short_is_refused(good: Attempt) -> None:
    with pytest.raises(ProofRefused):
        await good.publish(good.proof()[:-96])


async def test_2_a_proof_for_another_worker_is_refused(good: Attempt) -> None:
    await refuses(good, 2, good.but(worker=development_key("thief").address).proof())


async def test_2_a_proof_for_another_task_of_the_deal_is_refused(good: Attempt) -> None:
    other = good.but(index=1, task=task_id(good.deal, 1))
    await refuses(good, 2, other.proof())


async def test_2_a_proof_for_another_enclave_is_refused(good: Attempt) -> None:
    await refuses(good, 2, good.but(enclave=SigningKey.from_bytes(b"\x43" * 32)).proof())


async def test_2_no_enclave_is_no_enclave_even_with_every_signature(good: Attempt) -> None:
    class Nobody:
        address = ZERO_ADDRESS

    assert await good.but(enclave=Nobody()).judged() == (13 if isinstance(good.market, GatedMarket) else 2)


async def test_3_a_deal_that_the_hub_does_not_know_is_refused(good: Attempt) -> None:
    deal = deal_id(to_digest(b"\x01" * 32), 0)
    assert await good.but(deal=deal, task=task_id(deal, 0)).judged() == 3


async def test_4_an_authorisation_by_a_stranger_is_refused(good: Attempt) -> None:
    await refuses(good.but(pool=development_key("stranger")), 4)


async def test_4_a_worker_does_not_authorise_itself(good: Attempt) -> None:
    await refuses(good.but(pool=development_key("worker")), 4)


async def test_4_the_pools_signature_with_high_s_is_refused(good: Attempt) -> None:
    await refuses(good.but(pool_signature=with_high_s(good.pool.sign(good.digest))), 4)


async def test_4_a_short_pool_signature_is_refused(good: Attempt) -> None:
    await refuses(good.but(pool_signature=good.pool.sign(good.digest)[:64]), 4)


async def test_5_an_expired_verdict_is_refused(good: Attempt) -> None:
    now = (await good.market.node.block()).timestamp
    await refuses(good.but(expiry=now, issued=(1, 1)), 5)


async def test_6_a_platform_outside_the_bitmap_is_refused(good: Attempt) -> None:
    await refuses(good.but(platform=TDX), 6)


async def test_7_an_unknown_runtime_is_refused(good: Attempt) -> None:
    await refuses(good.but(runtime=to_digest(b"\x66" * 32)), 7)


async def test_7_a_forbidden_runtime_is_refused_until_it_is_allowed_again(good: Attempt) -> None:
    admin = good.market.wallet("admin")
    await good.market.broker.forbid_runtime(admin, good.runtime)
    await refuses(good, 7)
    await good.market.broker.allow_runtime(admin, good.runtime)
    assert await good.judged() == 0


async def test_8_too_few_vaults_are_refused(good: Attempt) -> None:
    await refuses(good.but(signers=VAULTS[:1]), 8)


async def test_8_a_verdict_issued_after_its_expiry_is_refused(good: Attempt) -> None:
    await refuses(good.but(issued=(good.expiry + 1, good.expiry)), 8)


@pytest.mark.parametrize("issued", [(1,), (1, 1, 1), ()])
async def test_8_every_signature_has_its_own_time_of_issue(good: Attempt, issued: tuple[int, ...]) -> None:
    *head, _, signatures = decode(PROOF, good.proof())
    await refuses(good, 8, encode(PROOF, (*head, issued, signatures)))


async def test_9_a_vaults_signature_with_high_s_is_refused(good: Attempt) -> None:
    await refuses(good, 9, altered_signature(good, with_high_s))


async def test_9_a_signature_without_a_signer_is_refused(good: Attempt) -> None:
    await refuses(good, 9, altered_signature(good, lambda _: bytes(64) + b"\x1b"))


@pytest.mark.parametrize("v", [0, 1, 26, 29])
async def test_9_a_signature_with_another_v_is_refused(good: Attempt, v: int) -> None:
    await refuses(good, 9, altered_signature(good, lambda signature: signature[:64] + bytes([v])))


async def test_9_a_compact_signature_is_refused(good: Attempt) -> None:
    await refuses(good, 9, altered_signature(good, lambda signature: signature[:64]))


async def test_10_a_stranger_is_no_vault(good: Attempt) -> None:
    await refuses(good.but(signers=(VAULTS[0], development_key("stranger"))), 10)


async def test_10_verdicts_about_another_apps_digest_are_refused(good: Attempt) -> None:
    await refuses(good.but(app=to_digest(b"\x08" * 32)), 10)


async def test_10_verdicts_about_another_task_are_refused(good: Attempt) -> None:
    await refuses(good.but(judged_task=task_id(good.deal, 1)), 10)


async def test_10_verdicts_of_another_broker_are_refused(good: Attempt) -> None:
    elsewhere = type(good.market.domain)(chain=good.market.domain.chain, broker=good.market.hub.address)
    foreign = good.but(market=type(good.market)(**vars(good.market) | {"domain": elsewhere}))
    await refuses(foreign, 10)


async def test_11_one_vault_twice_is_refused(good: Attempt) -> None:
    await refuses(good.but(signers=(VAULTS[0], VAULTS[0])), 11)


async def test_a_finished_task_is_not_paid_twice(good: Attempt) -> None:
    await good.publish()
    with pytest.raises(ContractReverted):
        await good.publish()


async def test_a_task_past_its_contribution_deadline_is_not_accepted(market: Market) -> None:
    late = await attempt(market, category="Short")
    await market.node.rpc("evm_increaseTime", 7 * 30 + 1)
    await market.node.rpc("evm_mine")
    with pytest.raises(ContractReverted):
        await late.but(expiry=late.expiry + 1000).publish()


def with_high_s(signature: bytes) -> bytes:
    """The same signature in its second form."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def altered_signature(good: Attempt, change: Callable[[bytes], bytes]) -> bytes:
    """The good proof, with the first vault's signature changed."""
    (address, verdict, signature), *others = sorted(good.verdicts(), key=lambda each: each[0])
    changed = [(address, verdict, change(signature)), *others]
    pool = good.pool.sign(good.digest)
    return encode_proof(deal=good.deal, index=good.index, pool_signature=pool, verdicts=changed)

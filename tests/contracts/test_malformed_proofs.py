"""Bytes that are almost a proof: every one is refused, by a number or by a revert, which PoCo takes for a refusal."""

import pytest
from eth_abi.abi import decode, encode

from sealgrid.chain.abi import interface
from sealgrid.chain.broker import PROOF
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import ChainError, ContractReverted
from tests.contracts.gate_market import judged_by
from tests.contracts.scene import VAULTS, Attempt, Market

pytestmark = pytest.mark.chain
REFUSED = b"\xff" * 4
WORKER, ENCLAVE, POOL_SIGNATURE, PLATFORM, EXPIRY, ISSUED, SIGNATURES = 0, 3, 4, 6, 9, 10, 11  #: words of the head


@pytest.fixture(params=["broker", "gate"])
async def market(request: pytest.FixtureRequest, market: Market) -> Market:
    """The market with either judge."""
    return await judged_by(request.param, market)


def with_word(proof: bytes, at: int, value: int) -> bytes:
    """The proof with one word of its head replaced."""
    return proof[: 32 * at] + value.to_bytes(32, "big") + proof[32 * (at + 1) :]


def word(proof: bytes, at: int) -> int:
    return int.from_bytes(proof[32 * at : 32 * (at + 1)], "big")


async def refused(good: Attempt, proof: bytes) -> None:
    assert await good.judged() == 0
    with pytest.raises(ChainError):  # a ProofRefused, but where reading so far away costs the sender all its gas
        await good.publish(proof)
    assert (await good.market.hub.view_task(good.task)).status is TaskStatus.ACTIVE


@pytest.mark.parametrize("at", [WORKER, ENCLAVE], ids=["worker", "enclave"])
async def test_an_address_with_a_dirty_byte_is_refused(good: Attempt, at: int) -> None:
    proof = good.proof()
    await refused(good, with_word(proof, at, word(proof, at) | 1 << 160))


@pytest.mark.parametrize(("at", "bits"), [(PLATFORM, 8), (EXPIRY, 64)], ids=["platform", "expiry"])
async def test_an_integer_above_its_type_is_refused(good: Attempt, at: int, bits: int) -> None:
    proof = good.proof()
    await refused(good, with_word(proof, at, word(proof, at) | 1 << bits))


async def test_a_time_of_issue_above_its_type_is_refused(good: Attempt) -> None:
    proof = good.proof()
    first = word(proof, ISSUED) // 32 + 1
    await refused(good, with_word(proof, first, word(proof, first) | 1 << 64))


@pytest.mark.parametrize("at", [POOL_SIGNATURE, ISSUED, SIGNATURES], ids=["pool's signature", "issued", "signatures"])
@pytest.mark.parametrize("offset", [2**256 - 32, 2**128, 4096, 0], ids=["wraps", "far", "behind", "at itself"])
async def test_an_offset_that_leads_astray_is_refused(good: Attempt, at: int, offset: int) -> None:
    await refused(good, with_word(good.proof(), at, offset))


async def test_a_length_beyond_the_bytes_is_refused(good: Attempt) -> None:
    proof = good.proof()
    await refused(good, with_word(proof, word(proof, POOL_SIGNATURE) // 32, 1024))


async def test_a_pools_signature_above_its_bound_is_refused(good: Attempt) -> None:
    await refused(good, good.but(pool_signature=bytes(1025)).proof())


async def test_a_vaults_signature_with_a_byte_too_many_is_refused(good: Attempt) -> None:
    *head, signatures = decode(PROOF, good.proof())
    await refused(good, encode(PROOF, (*head, [each + b"\0" for each in signatures])))


async def test_more_signatures_than_there_can_be_vaults_are_refused(good: Attempt) -> None:
    *head, issued, signatures = decode(PROOF, good.proof())
    await refused(good, encode(PROOF, (*head, [*issued] * 5, [*signatures] * 5)))


async def test_11_vaults_in_descending_order_are_refused(good: Attempt) -> None:
    *head, issued, signatures = decode(PROOF, good.proof())
    proof = encode(PROOF, (*head, issued[::-1], signatures[::-1]))
    assert await good.judged(proof) == 11
    await refused(good, proof)


async def test_11_all_vaults_and_one_of_them_again_are_refused(good: Attempt) -> None:
    everyone = good.but(signers=(*VAULTS, VAULTS[2]), issued=(1, 2, 3, 4))
    assert await everyone.judged() == 11


async def test_bytes_behind_a_proof_that_nothing_refers_to_change_nothing(good: Attempt) -> None:
    await good.publish(good.proof() + b"\xff" * 64)


async def test_a_call_that_is_cut_short_is_refused(good: Attempt) -> None:
    call = interface("TeeBroker").call_data("isValidSignature", good.digest, good.proof())
    for length in (3, 4, 35, 67):
        with pytest.raises(ContractReverted):
            await good.market.node.call(good.market.broker.address, call[:length])
    # What is missing behind the head reads as zeros, and zeros are no proof.
    for length in (68, 99, 100, len(call) // 2, len(call) - 65):
        answer = await good.market.node.call(good.market.broker.address, call[:length])
        assert answer == REFUSED.ljust(32, b"\0")

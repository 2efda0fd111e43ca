"""A proof that anyone tampered with is never accepted, whatever the decoder makes of it."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealgrid.chain.abi import interface
from tests.contracts.scene import Attempt

pytestmark = pytest.mark.chain
lively = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def padding(good: Attempt) -> set[int]:
    """Where the proof says nothing: the 31 bytes behind each signature."""
    proof = good.proof()
    starts = [proof.index(signature) for _, _, signature in good.verdicts()]
    starts.append(proof.index(good.pool.sign(good.digest)))
    return {start + 65 + n for start in starts for n in range(31)}


Judge = Callable[[bytes], bool]


@pytest.fixture
def accepted(good: Attempt) -> Iterator[Judge]:
    """Ask the deployed broker, over a connection of its own: hypothesis runs its examples outside the event loop."""
    broker = interface("TeeBroker")
    with httpx.Client() as client:

        def ask(proof: bytes) -> bool:
            call = {
                "to": good.market.broker.address,
                "data": "0x" + broker.call_data("judge", good.digest, proof).hex(),
            }
            request = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
            answer = client.post(good.market.node.url, json=request).json()
            return "result" in answer and broker.decode("judge", bytes.fromhex(answer["result"][2:])) == 0

        assert ask(good.proof())
        yield ask


@lively
@given(data=st.data())
def test_a_flipped_bit_anywhere_but_in_padding_is_refused(good: Attempt, accepted: Judge, data: st.DataObject) -> None:
    proof = bytearray(good.proof())
    silent = padding(good)
    place = data.draw(st.sampled_from([place for place in range(len(proof)) if place not in silent]))
    proof[place] ^= 1 << data.draw(st.integers(0, 7))
    assert not accepted(bytes(proof))


@lively
@given(data=st.data())
def test_a_proof_cut_anywhere_is_refused(good: Attempt, accepted: Judge, data: st.DataObject) -> None:
    proof = good.proof()
    # The last 31 bytes only pad the last signature.
    assert not accepted(proof[: data.draw(st.integers(0, len(proof) - 32))])


@lively
@given(noise=st.binary(max_size=4096))
def test_noise_is_refused(accepted: Judge, noise: bytes) -> None:
    assert not accepted(noise)


def test_a_proof_longer_than_any_honest_one_is_refused(good: Attempt, accepted: Judge) -> None:
    assert not accepted(good.proof() + bytes(4096))


async def test_is_valid_signature_agrees_with_judge(good: Attempt) -> None:
    broker = good.market.broker
    attempts = (good, good.but(signers=good.signers[:1]))
    answers = [await broker.is_valid_signature(each.digest, each.proof()) for each in attempts]
    assert answers == [bytes.fromhex("1626ba7e"), b"\xff" * 4]

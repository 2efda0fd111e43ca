"""Identifiers equal what Solidity's abi.encodePacked and keccak256 give."""

from eth_abi.packed import encode_packed
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.poco import ids
from sealgrid.units import to_address, to_digest

digests = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20)
numbers = st.integers(0, 2**256 - 1)


@given(request=digests, index=numbers)
def test_deals_and_tasks(request: bytes, index: int) -> None:
    expected = to_digest(keccak(encode_packed(["bytes32", "uint256"], [request, index])))
    assert ids.deal_id(to_digest(request), index) == expected
    assert ids.task_id(to_digest(request), index) == expected


@given(worker=addresses, task=digests, result=digests)
def test_what_a_worker_contributes(worker: bytes, task: bytes, result: bytes) -> None:
    of_result = keccak(encode_packed(["bytes32", "bytes32"], [task, result]))
    sealed = keccak(encode_packed(["address", "bytes32", "bytes32"], [worker, task, result]))
    texts = (to_address(worker), to_digest(task), to_digest(result))
    assert ids.result_hash(*texts[1:]) == to_digest(of_result)
    assert ids.result_seal(*texts) == to_digest(sealed)
    assert ids.enclave_message(*texts) == keccak(of_result + sealed)


@given(worker=addresses, task=digests, enclave=addresses)
def test_what_a_pool_authorises(worker: bytes, task: bytes, enclave: bytes) -> None:
    expected = keccak(encode_packed(["address", "bytes32", "address"], [worker, task, enclave]))
    assert ids.authorisation_message(to_address(worker), to_digest(task), to_address(enclave)) == expected

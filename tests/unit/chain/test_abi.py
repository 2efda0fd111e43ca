"""Calls and events to bytes and back, against web3's own codec."""

import pytest
from eth_abi.abi import encode
from eth_utils.abi import event_abi_to_log_topic, function_abi_to_4byte_selector
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3

from sealgrid.chain import artifacts
from sealgrid.chain.abi import event_topic, interface, selector
from sealgrid.units import to_address, to_digest

digests = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20)
CONTRACTS = ("Hub", "AppRegistry", "DatasetRegistry", "WorkerpoolRegistry", "App", "Token", "TeeBroker", "AccessPolicy")


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_selector_and_topic_is_eth_utils(contract: str) -> None:
    for entry in artifacts.abi(contract):
        if entry["type"] == "function":
            assert selector(entry) == function_abi_to_4byte_selector(entry)
        if entry["type"] == "event":
            assert event_topic(entry) == event_abi_to_log_topic(entry)


@given(task=digests, digest=digests, enclave=addresses, parts=st.lists(st.binary(max_size=80), min_size=4, max_size=4))
def test_a_call_equals_web3s(task: bytes, digest: bytes, enclave: bytes, parts: list[bytes]) -> None:
    web3_hub = Web3().eth.contract(abi=artifacts.abi("Hub"))
    account = Web3.to_checksum_address(enclave)
    arguments = (task, digest, parts[0], parts[1], account, parts[2], parts[3])
    expected = web3_hub.encode_abi("contributeAndFinalize", args=arguments)
    ours = interface("Hub").call_data(
        "contributeAndFinalize", to_digest(task), to_digest(digest), *parts[:2], to_address(enclave), *parts[2:]
    )
    assert "0x" + ours.hex() == expected


def test_an_event_of_another_contract_is_unknown() -> None:
    assert interface("Hub").decode_event([b"\x01" * 32], b"") is None
    assert interface("Hub").decode_event([], b"") is None


def test_a_call_with_too_few_arguments_is_a_bug() -> None:
    with pytest.raises(ValueError, match="zip"):
        interface("Hub").call_data("claim")


def test_a_string_that_is_no_utf8_is_read_and_never_raises():
    # Whoever signs a request order on chain chooses these bytes, and every pool reads them.
    answer = encode(["bytes"], [b"\xff\xfe and more"])
    assert interface("App").decode("m_appName", answer) == "\ufffd\ufffd and more"

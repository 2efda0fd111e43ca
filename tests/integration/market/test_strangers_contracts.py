"""Calls of strangers' contracts cost the caller nothing and take the node's time, so their gas is limited."""

import pytest

from sealgrid.chain.node import UNTRUSTED_CALL_GAS
from sealgrid.units import to_address, to_digest
from tests.contracts.scene import Market
from tests.integration.market.traders import Traders

pytestmark = pytest.mark.chain
SPENDER, ANYBODY = to_address(b"\xab" * 20), to_address(b"\x01" * 20)


def answer_with(word: str) -> str:
    """Return a contract that answers with a word if it has more gas than strangers get, else with zero."""
    return f"0x5a63{UNTRUSTED_CALL_GAS:08x}10{word}025f5260205ff3"


YES, SIGNED = answer_with("6001"), answer_with("631626ba7e60e01b")


async def test_membership_of_a_group_is_read_with_limited_gas(scene: Market, traders: Traders) -> None:
    await scene.node.rpc("anvil_setCode", SPENDER, YES)
    assert int.from_bytes(await scene.node.call(SPENDER, b"")) == 1
    assert not await traders.service.chain.is_member(SPENDER, ANYBODY)


async def test_a_contracts_signature_is_checked_with_limited_gas(scene: Market, traders: Traders) -> None:
    await scene.node.rpc("anvil_setCode", SPENDER, SIGNED)
    assert (await scene.node.call(SPENDER, b""))[:4].hex() == "1626ba7e"
    assert not await traders.service.chain.is_signed_by(SPENDER, to_digest(b"\x05" * 32), b"\x01")

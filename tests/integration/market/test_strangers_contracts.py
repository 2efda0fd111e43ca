"""Whoever has a contract asked pays nothing, and its answer takes the node's time: it gets only so much gas."""

import pytest

from sealgrid.chain.node import UNTRUSTED_CALL_GAS
from sealgrid.units import to_address, to_digest
from tests.contracts.scene import Market
from tests.integration.market.traders import Traders

pytestmark = pytest.mark.chain
SPENDER, ANYBODY = to_address(b"\xab" * 20), to_address(b"\x01" * 20)


def says(word: str) -> str:
    """Return a contract that answers this word where it has more gas than strangers get, and zero elsewhere."""
    return f"0x5a63{UNTRUSTED_CALL_GAS:08x}10{word}025f5260205ff3"


YES, SIGNED = says("6001"), says("631626ba7e60e01b")


async def test_a_group_says_with_a_strangers_gas_who_is_a_member(scene: Market, traders: Traders) -> None:
    await scene.node.rpc("anvil_setCode", SPENDER, YES)
    assert int.from_bytes(await scene.node.call(SPENDER, b"")) == 1
    assert not await traders.service.chain.is_member(SPENDER, ANYBODY)


async def test_a_signer_says_with_a_strangers_gas_what_it_signed(scene: Market, traders: Traders) -> None:
    await scene.node.rpc("anvil_setCode", SPENDER, SIGNED)
    assert (await scene.node.call(SPENDER, b""))[:4].hex() == "1626ba7e"
    assert not await traders.service.chain.is_signed_by(SPENDER, to_digest(b"\x05" * 32), b"\x01")

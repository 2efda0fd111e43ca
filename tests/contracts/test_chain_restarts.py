"""A local chain that starts again is the same chain, and its clock never goes back."""

from pathlib import Path

import pytest

from sealgrid.chain.anvil import Anvil, AnvilConfig, advance
from sealgrid.chain.node import Node

BINARY = Path(__file__).resolve().parents[2] / ".cache" / "anvil" / "bin" / "anvil"

pytestmark = pytest.mark.chain


async def test_genesis_and_time_survive_restarts_even_after_the_clock_was_moved(tmp_path):
    config = AnvilConfig(binary=BINARY, state=tmp_path / "state.json")
    genesis, newest = set(), 0
    for _ in range(4):
        async with await Anvil.start(config) as chain, Node(chain.url) as node:
            genesis.add(await node.genesis())
            await advance(node, 400)
            head = await node.block()
            assert head.timestamp > newest
            newest = head.timestamp
    assert len(genesis) == 1

"""What `make chaos` does to the chain loses no transaction: a reorganisation, and what a killed node had not stored."""

from collections.abc import AsyncIterator

import pytest

from chaos.chain_faults import raw_transactions, recent_transactions, reorganise, send_again
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig, revert, snapshot
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet


@pytest.fixture
async def node(anvil_binary) -> AsyncIterator[Node]:
    async with await Anvil.start(AnvilConfig(binary=anvil_binary)) as anvil, Node(anvil.url) as node:
        yield node


async def pay(node: Node, times: int) -> None:
    sender = Wallet(node, development_key("owner"))
    for _ in range(times):
        await sender.send(development_key("developer").address, b"")


async def nonce(node: Node) -> int:
    return int(await node.rpc("eth_getTransactionCount", development_key("owner").address, "latest"), 16)


async def test_a_reorganisation_replaces_blocks_and_keeps_their_transactions(node):
    await pay(node, 5)
    before = [await node.block(number) for number in range(2, 6)]
    raw = await raw_transactions(node, 1, 5)
    await reorganise(node, 3)
    after = [await node.block(number) for number in range(2, 6)]
    assert before[0] == after[0]
    assert all(old.hash != new.hash for old, new in zip(before[1:], after[1:], strict=True))
    assert (await nonce(node), await raw_transactions(node, 1, 5)) == (5, raw)
    await pay(node, 1)
    assert await nonce(node) == 6


async def test_transactions_that_a_node_lost_are_sent_again_and_only_these(node):
    await pay(node, 2)
    stored = await snapshot(node)
    await pay(node, 3)
    recent = await recent_transactions(node)
    await revert(node, stored)
    assert await nonce(node) == 2
    assert await send_again(node, recent) == 3
    await pay(node, 1)  # and waits for its block, which comes after theirs
    assert await nonce(node) == 6

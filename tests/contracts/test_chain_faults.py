"""What `make chaos` does to the chain loses no transaction: a reorganisation, and what a killed node had not stored."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest

from chaos.chain_faults import (
    catch_up,
    copy_state,
    pause_mining,
    paused_mining,
    raw_transactions,
    recent_transactions,
    reorganise,
)
from sealgrid.chain.accounts import development_key
from sealgrid.chain.anvil import Anvil, AnvilConfig
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


async def pending(node: Node) -> int:
    return int((await node.rpc("txpool_status"))["pending"], 16)


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


async def test_a_transaction_that_comes_during_a_reorganisation_is_mined_after_it(node):
    await pay(node, 3)
    async with paused_mining(node):
        paying = asyncio.create_task(pay(node, 1))
        while not await pending(node):
            await asyncio.sleep(0)
        assert len(await recent_transactions(node)) == 4
        await reorganise(node, 2)
    await paying
    assert await nonce(node) == 4


async def test_a_killed_node_gets_the_transactions_that_it_had_not_stored_and_only_these(anvil_binary, tmp_path):
    config = AnvilConfig(binary=anvil_binary, state=tmp_path / "state.json")
    async with await Anvil.start(config) as anvil, Node(anvil.url) as node:
        await pay(node, 2)
    before = copy_state(tmp_path / "state.json")
    async with await Anvil.start(config) as anvil, Node(anvil.url) as node:
        await pay(node, 3)
        await pause_mining(node)
        paying = asyncio.create_task(pay(node, 1))
        while not await pending(node):
            await asyncio.sleep(0)
        recent = await recent_transactions(node)
        paying.cancel()
        os.kill(anvil.pid, signal.SIGKILL)
    (tmp_path / "state.json").write_bytes(before.read_bytes()[:-1])  # as if it was killed while it wrote
    assert await catch_up(config, before, recent) == 4
    async with await Anvil.start(config) as anvil, Node(anvil.url) as node:
        assert await nonce(node) == 6
        await pay(node, 1)

"""Reorganises a local chain, and kills its node; no mined transaction is lost, as on a chain with other nodes.

A reorganisation replaces blocks by others with the same transactions. Anvil stores its state each second: the
transactions that a killed node had not stored are sent again, as other nodes would, before clients reach it.
Mining is paused while transactions are read: a later one would be lost.
"""

import contextlib
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from sealgrid.chain.anvil import Anvil, AnvilConfig
from sealgrid.chain.node import Node
from sealgrid.errors import SealgridError, SetupMissing

RECENT_BLOCKS = 64  #: that a killed node may not have stored
_COPY_TRIES, _COPY_PAUSE = 50, 0.1  #: seconds between two tries to copy a state that anvil does not write now


@contextlib.asynccontextmanager
async def paused_mining(node: Node) -> AsyncIterator[None]:
    """Keep new transactions pending meanwhile; mine them afterwards."""
    await pause_mining(node)
    try:
        yield
    finally:
        await node.rpc("evm_setAutomine", True)
        if int((await node.rpc("txpool_status"))["pending"], 16):
            await node.rpc("evm_mine")


async def pause_mining(node: Node) -> None:
    """Keep new transactions pending until automatic mining is on again, or the node starts again."""
    await node.rpc("evm_setAutomine", False)


async def reorganise(node: Node, depth: int) -> None:
    """Replace the last ``depth`` blocks by as many with the same transactions, all in the first of them."""
    async with paused_mining(node):
        head = (await node.block()).number
        raw = await raw_transactions(node, max(1, head - depth + 1), head)
        await node.rpc("anvil_reorg", min(depth, head - 1), [[each, 0] for each in raw])


async def recent_transactions(node: Node) -> list[str]:
    """Return the raw transactions of the last blocks, the oldest first, then pending ones; mining must be paused."""
    head = (await node.block()).number
    found = await raw_transactions(node, max(1, head - RECENT_BLOCKS), head)
    content: Any = await node.rpc("txpool_content")
    pending = [each for senders in content["pending"].values() for each in senders.values()]
    pending.sort(key=lambda each: int(each["nonce"], 16))
    return found + [str(await node.rpc("eth_getRawTransactionByHash", each["hash"])) for each in pending]


async def send_again(node: Node, raw: list[str]) -> int:
    """Send transactions; return how many the chain did not have."""
    sent = 0
    for each in raw:
        try:
            await node.rpc("eth_sendRawTransaction", each)
            sent += 1
        except SealgridError:  # the chain has it
            continue
    return sent


async def raw_transactions(node: Node, first: int, last: int) -> list[str]:
    """Return the raw transactions of some blocks, in the chain's order."""
    found: list[str] = []
    for number in range(first, last + 1):
        block: Any = await node.rpc("eth_getBlockByNumber", hex(number), False)
        found += [str(await node.rpc("eth_getRawTransactionByHash", each)) for each in block["transactions"]]
    return found


def copy_state(state: Path) -> Path:
    """Copy the state file of a running node, which writes it meanwhile; return the copy, which is whole."""
    copied = state.with_suffix(".before")
    for _ in range(_COPY_TRIES):
        shutil.copy(state, copied)
        with contextlib.suppress(msgspec.DecodeError):
            msgspec.json.decode(copied.read_bytes(), type=msgspec.Raw)
            return copied
        time.sleep(_COPY_PAUSE)
    raise SetupMissing(f"{state} is never whole.")


async def catch_up(config: AnvilConfig, before: Path, raw: list[str]) -> int:
    """Give the state of a killed node the transactions that it lost, on a port of no client; return how many.

    A node that was killed while it wrote its state cannot read it; then it begins with the copy ``before``.
    """
    assert config.state is not None
    private = msgspec.structs.replace(config, port=0)
    try:
        anvil = await Anvil.start(private)
    except SetupMissing:
        shutil.copy(before, config.state)
        anvil = await Anvil.start(private)
    async with anvil, Node(anvil.url) as node:
        sent = await send_again(node, raw)
        await node.rpc("evm_mine")  # the last ones may be pending still, and its state has no pending ones
        return sent

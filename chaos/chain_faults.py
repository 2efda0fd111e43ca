"""Reorganises a local chain, and kills its node; no transaction is lost, as on a chain with other nodes.

A reorganisation replaces blocks by others with the same transactions. Anvil stores its state each second: the
transactions of the last second before it was killed are sent again, as other nodes would.
"""

from typing import Any

from sealgrid.chain.node import Node
from sealgrid.errors import SealgridError

RECENT_BLOCKS = 64  #: that a killed node may not have stored
_TRIES = 5


async def reorganise(node: Node, depth: int) -> None:
    """Replace the last ``depth`` blocks by as many with the same transactions, all in the first of them."""
    for _ in range(_TRIES):
        head = (await node.block()).number
        raw = await raw_transactions(node, max(1, head - depth + 1), head)
        if (await node.block()).number == head:
            await node.rpc("anvil_reorg", min(depth, head - 1), [[each, 0] for each in raw])
            return


async def recent_transactions(node: Node) -> list[str]:
    """Return the raw transactions of the last blocks, the oldest first, up to the present head."""
    head = (await node.block()).number
    first = max(1, head - RECENT_BLOCKS)
    found: list[str] = []
    for _ in range(_TRIES):
        found += await raw_transactions(node, first, head)
        first, head = head + 1, (await node.block()).number
        if head < first:
            break
    return found


async def send_again(node: Node, raw: list[str]) -> int:
    """Send transactions; return how many the chain did not have."""
    sent = 0
    for each in raw:
        try:
            await node.rpc("eth_sendRawTransaction", each)
            sent += 1
        except SealgridError:  # the chain has it, or one of the same nonce
            continue
    return sent


async def raw_transactions(node: Node, first: int, last: int) -> list[str]:
    """Return the raw transactions of some blocks, in the chain's order."""
    found: list[str] = []
    for number in range(first, last + 1):
        block: Any = await node.rpc("eth_getBlockByNumber", hex(number), False)
        found += [str(await node.rpc("eth_getRawTransactionByHash", each)) for each in block["transactions"]]
    return found

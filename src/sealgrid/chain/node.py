"""Reads one chain through one node, or through several that must agree: blocks, calls at a block, event logs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Self, TypeVar

import msgspec

from sealgrid.chain.blocks import Block, BlockTag, EventLog, TransactionCall, TransactionReceipt
from sealgrid.chain.endpoint import Endpoint
from sealgrid.chain.rpc_parsing import read_block, read_bytes, read_chain, read_logs, read_receipt, read_transaction
from sealgrid.errors import ChainError, ContractReverted, NodesDisagree
from sealgrid.units import Address, Digest, to_digest

#: Gas limit of an eth_call to an untrusted contract: the call is free for its requester, and costs the node's time.
UNTRUSTED_CALL_GAS: Final = 2_000_000

T = TypeVar("T")
Contracts = Address | Sequence[Address]


class Node:
    """A connection to a chain. Close it, or use it as ``async with Node(url) as node``.

    With several URLs, every read goes to every node. NodesDisagree is raised unless (chain.1) they serve one chain,
    (chain.2) they have the same block at a height, (chain.3) they return the same answer. ``rpc`` and a wallet's
    transactions use the first node only.
    """

    def __init__(self, url: str, *others: str) -> None:
        self.url = url
        self._endpoints = tuple(Endpoint(each) for each in (url, *others))
        self._chain: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(endpoint.close() for endpoint in self._endpoints))

    async def chain(self) -> int:
        """Return the chain's id."""
        if self._chain is None:
            self._chain = await self._read_all("chain.1", "Reading the chain's id", read_chain)
        return self._chain

    async def block(self, which: int | Digest | str = "latest") -> Block:
        """Return a block by number, hash or tag; raise ChainError if the chain does not have it.

        Several nodes are at different heights: a tag means the lowest block that any of them returns for it.
        """
        if isinstance(which, str) and not which.startswith("0x"):
            blocks = await asyncio.gather(*(read_block(each, which) for each in self._endpoints))
            lowest = min(blocks, key=lambda block: block.number)
            if any(block != lowest for block in blocks) and await self.block(lowest.number) != lowest:
                raise _disagreement("chain.2", "Reading a block")
            return lowest
        return await self._read_all("chain.2", "Reading a block", lambda each: read_block(each, which))

    async def genesis(self) -> Digest:
        """Return the hash of block 0. It differs between two local chains with the same id."""
        return (await self.block(0)).hash

    async def confirmed_block(self, which: int | BlockTag = 1, final: BlockTag | None = None) -> Block:
        """Return the newest confirmed block, by tag or by depth; the head has depth 1.

        With ``final``, a block with that tag is confirmed at every depth.
        """
        if final is not None:
            by_tag, by_depth = await self.confirmed_block(final), await self.confirmed_block(which)
            return max(by_depth, by_tag, key=lambda block: block.number)
        if isinstance(which, str):
            return await self.block(which)
        if which < 1:
            raise ValueError("a depth is at least 1, which is the head")
        head = await self.block()
        return head if which == 1 else await self.block(max(0, head.number - which + 1))

    async def call(
        self,
        to: Address,
        data: bytes,
        *,
        at: Digest | None = None,
        sender: Address | None = None,
        gas: int | None = None,
        action: str = "Calling a contract",
    ) -> bytes:
        """Return a contract's return data (eth_call), at a block's hash or at the head.

        Raises ContractReverted if it reverts or needs more than ``gas``; None is the node's own limit.
        """
        request = {"to": to, "data": "0x" + data.hex()} | ({"from": sender} if sender else {})
        request |= {} if gas is None else {"gas": hex(gas)}
        call = ("eth_call", request, _block_parameter(at))
        answer = await self._read_all("chain.3", action, lambda each: read_bytes(each, action, *call))
        if not answer:
            raise ChainError(f"{action}: there is no contract at {to}.")
        return answer

    async def call_succeeds(self, to: Address, data: bytes, *, gas: int, at: Digest | None = None, action: str) -> bool:
        """Return whether a call without return data succeeds within ``gas``."""
        call = ("eth_call", {"to": to, "data": "0x" + data.hex(), "gas": hex(gas)}, _block_parameter(at))
        try:
            await self._read_all("chain.3", action, lambda each: read_bytes(each, action, *call))
        except ContractReverted:
            return False
        return True

    async def code(self, account: Address, *, at: Digest | None = None) -> bytes:
        """Return a contract's code; empty for an account without code."""
        action, call = "Reading a contract's code", ("eth_getCode", account, _block_parameter(at))
        return await self._read_all("chain.3", action, lambda each: read_bytes(each, action, *call))

    async def logs(
        self, contracts: Contracts, topics: Sequence[bytes | Sequence[bytes] | None], *, first: int, last: int
    ) -> list[EventLog]:
        """Return the logs of one or several contracts in a range of blocks, both ends included, in chain order."""
        return await self._logs(contracts, topics, {"fromBlock": hex(first), "toBlock": hex(last)})

    async def logs_of_block(self, contracts: Contracts, block: Digest) -> list[EventLog]:
        """Return the logs of one or several contracts in one block, by its hash."""
        return await self._logs(contracts, [], {"blockHash": block})

    async def transaction(self, transaction: Digest) -> TransactionCall:
        """Return a transaction's contract and calldata; raise ChainError if the chain does not have it."""
        return await self._read_all(
            "chain.3", "Reading a transaction", lambda each: read_transaction(each, transaction)
        )

    async def send_raw(self, raw: bytes, *, action: str) -> Digest:
        """Send a signed transaction to the first node and return its hash."""
        return to_digest(await self._endpoints[0].send_raw(raw, action=action))

    async def receipt(self, transaction: Digest, *, action: str) -> TransactionReceipt | None:
        """Return the first node's receipt of a transaction, None while it has none; raise ContractReverted."""
        return await read_receipt(self._endpoints[0], transaction, action)

    async def rpc(self, method: str, *parameters: object, action: str = "") -> Any:
        """Call one method of the first node and return its JSON result."""
        return msgspec.json.decode(
            await self._endpoints[0].request(method, *parameters, action=action or f"Calling {method}")
        )

    async def _logs(self, contracts: Contracts, topics: Sequence[Any], blocks: dict[str, str]) -> list[EventLog]:
        query = {"address": contracts, "topics": [_topic_hex(topic) for topic in topics]} | blocks
        return await self._read_all("chain.3", "Reading events", lambda each: read_logs(each, query))

    async def _read_all(self, number: str, action: str, read: Callable[[Endpoint], Awaitable[T]]) -> T:
        if len(self._endpoints) == 1:
            return await read(self._endpoints[0])
        answers = await asyncio.gather(*(_or_reverted(read(each)) for each in self._endpoints))
        first = answers[0]
        # Every node has its own text for a revert, so only the fact is compared.
        compared = [None if isinstance(answer, ContractReverted) else (answer,) for answer in answers]
        if any(each != compared[0] for each in compared):
            raise _disagreement(number, action)
        if isinstance(first, ContractReverted):
            raise first
        return first


async def _or_reverted(answer: Awaitable[T]) -> T | ContractReverted:
    try:
        return await answer
    except ContractReverted as error:
        return error


def _disagreement(number: str, action: str) -> NodesDisagree:
    # Without the nodes' URLs, which often contain credentials.
    return NodesDisagree(number, f"{action}: the nodes of this chain return different answers; try again later.")


def _block_parameter(at: Digest | None) -> str | dict[str, object]:
    # EIP-1898: a node returns an error for a block that a reorganisation removed.
    return "latest" if at is None else {"blockHash": at, "requireCanonical": True}


def _topic_hex(topic: bytes | Sequence[bytes] | None) -> Any:
    if topic is None or isinstance(topic, bytes):
        return topic and "0x" + topic.hex()
    return ["0x" + each.hex() for each in topic]

"""One chain, read through one node or several that must agree: blocks, calls at a block, logs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Self, TypeVar

import msgspec

from sealgrid.chain.blocks import Block, EventLog, SentCall, TransactionReceipt
from sealgrid.chain.confirmation import Tag
from sealgrid.chain.endpoint import Endpoint
from sealgrid.chain.rpc_parsing import read_block, read_bytes, read_chain, read_logs, read_receipt, read_sent
from sealgrid.errors import ChainError, ContractReverted, NodesDisagree
from sealgrid.units import Address, Digest, to_digest

#: For a contract of a stranger's to answer: who has it asked may pay nothing, and its answer takes the node's time.
STRANGERS_GAS: Final = 2_000_000

T = TypeVar("T")
Contracts = Address | Sequence[Address]


class Node:
    """A connection to a chain. Close it, or use it as ``async with Node(url) as node``.

    With more than one address, whatever is read is asked of every node, and counts only where all of them agree; else
    NodesDisagree is raised: (chain.1) they serve one chain, (chain.2) they have the same block at a height, (chain.3)
    they give one answer at it. ``rpc`` and what a wallet sends go through the first alone.
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
            self._chain = await self._agreed("chain.1", "Reading the chain's id", read_chain)
        return self._chain

    async def block(self, which: int | Digest | str = "latest") -> Block:
        """Return a block by number, hash or name; raise ChainError when the chain has no such block.

        Nodes are never at one height: a name means the lowest block that any of them gives it.
        """
        if isinstance(which, str) and not which.startswith("0x"):
            return await self._named(which)
        return await self._agreed("chain.2", "Reading a block", lambda each: read_block(each, which))

    async def genesis(self) -> Digest:
        """Return the hash of block 0: two local chains may share an id, never this."""
        return (await self.block(0)).hash

    async def confirmed_block(self, which: int | Tag = 1) -> Block:
        """Return the newest block that counts, by name or with so many blocks from it to the head, both counted."""
        if isinstance(which, str):
            return await self.block(which)
        if which < 1:
            raise ValueError("the head itself counts as depth 1")
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
        doing: str = "Asking a contract",
    ) -> bytes:
        """Return what a contract answers a sender within so much ``gas``, at a block's hash or at the head.

        Raises ContractReverted when it refuses, or needs more; None is the node's own limit.
        """
        request = {"to": to, "data": "0x" + data.hex()} | ({"from": sender} if sender else {})
        request |= {} if gas is None else {"gas": hex(gas)}
        asked = ("eth_call", request, _state(at))
        answer = await self._agreed("chain.3", doing, lambda each: read_bytes(each, doing, *asked))
        if not answer:
            raise ChainError(f"{doing}: no contract stands at {to}.")
        return answer

    async def accepts(self, to: Address, data: bytes, *, gas: int, at: Digest | None = None, doing: str) -> bool:
        """Return whether a contract takes a call that it answers with nothing, within so much ``gas``."""
        asked = ("eth_call", {"to": to, "data": "0x" + data.hex(), "gas": hex(gas)}, _state(at))
        try:
            await self._agreed("chain.3", doing, lambda each: read_bytes(each, doing, *asked))
        except ContractReverted:
            return False
        return True

    async def code(self, account: Address, *, at: Digest | None = None) -> bytes:
        """Return a contract's code, empty for an account that has none."""
        doing, asked = "Reading a contract's code", ("eth_getCode", account, _state(at))
        return await self._agreed("chain.3", doing, lambda each: read_bytes(each, doing, *asked))

    async def logs(
        self, contracts: Contracts, topics: Sequence[bytes | Sequence[bytes] | None], *, first: int, last: int
    ) -> list[EventLog]:
        """Return one or several contracts' logs in a range of blocks, both ends included, in the chain's order."""
        return await self._logs(contracts, topics, {"fromBlock": hex(first), "toBlock": hex(last)})

    async def logs_of_block(self, contracts: Contracts, block: Digest) -> list[EventLog]:
        """Return one or several contracts' logs in one block, found by hash: never those of a sibling."""
        return await self._logs(contracts, [], {"blockHash": block})

    async def sent(self, transaction: Digest) -> SentCall:
        """Return what a transaction called and with what; raise ChainError for one that the chain does not have."""
        return await self._agreed("chain.3", "Reading a transaction", lambda each: read_sent(each, transaction))

    async def send_raw(self, raw: bytes, *, doing: str) -> Digest:
        """Send a signed transaction to the first node and return its hash."""
        return to_digest(await self._endpoints[0].send_raw(raw, doing=doing))

    async def receipt(self, transaction: Digest, *, doing: str) -> TransactionReceipt | None:
        """Return the first node's receipt of a transaction, None while it has none; raise ContractReverted."""
        return await read_receipt(self._endpoints[0], transaction, doing)

    async def rpc(self, method: str, *parameters: object, doing: str = "") -> Any:
        """Call one method of the first node and return its JSON result."""
        answer = await self._endpoints[0].ask(method, *parameters, doing=doing or f"Calling {method}")
        return msgspec.json.decode(answer)

    async def _logs(self, contracts: Contracts, topics: Sequence[Any], where: dict[str, str]) -> list[EventLog]:
        query = {"address": contracts, "topics": [_hex(topic) for topic in topics]} | where
        return await self._agreed("chain.3", "Reading events", lambda each: read_logs(each, query))

    async def _named(self, name: str) -> Block:
        blocks = await asyncio.gather(*(read_block(each, name) for each in self._endpoints))
        lowest = min(blocks, key=lambda block: block.number)
        if all(block == lowest for block in blocks):
            return lowest
        if await self.block(lowest.number) != lowest:
            raise _disagreement("chain.2", "Reading a block")
        return lowest

    async def _agreed(self, number: str, doing: str, ask: Callable[[Endpoint], Awaitable[T]]) -> T:
        if len(self._endpoints) == 1:
            return await ask(self._endpoints[0])
        answers = await asyncio.gather(*(_or_reverted(ask(each)) for each in self._endpoints))
        first = answers[0]
        # Nodes word a contract's no in their own ways.
        said = [None if isinstance(answer, ContractReverted) else (answer,) for answer in answers]
        if any(each != said[0] for each in said):
            raise _disagreement(number, doing)
        if isinstance(first, ContractReverted):
            raise first
        return first


async def _or_reverted(asked: Awaitable[T]) -> T | ContractReverted:
    try:
        return await asked
    except ContractReverted as error:
        return error


def _disagreement(number: str, doing: str) -> NodesDisagree:
    # Without the nodes' addresses: many carry their user's password.
    return NodesDisagree(number, f"{doing}: the nodes of this chain do not say the same; ask again later.")


def _state(at: Digest | None) -> str | dict[str, object]:
    # EIP-1898: of a block that left the chain a node gives no answer rather than an old one.
    return "latest" if at is None else {"blockHash": at, "requireCanonical": True}


def _hex(topic: bytes | Sequence[bytes] | None) -> Any:
    if topic is None or isinstance(topic, bytes):
        return topic and "0x" + topic.hex()
    return ["0x" + each.hex() for each in topic]

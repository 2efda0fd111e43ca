"""One chain's node, over JSON-RPC: blocks, calls at a block, logs."""

import sys
from collections.abc import Sequence
from typing import Any, Self, cast

from eth_typing import HexStr
from hexbytes import HexBytes
from web3 import AsyncHTTPProvider, AsyncWeb3
from web3.types import BlockData, FilterParams, LogReceipt, RPCEndpoint, TxParams

from sealgrid.chain.blocks import Block, Log
from sealgrid.chain.failures import wrapped
from sealgrid.errors import ChainError
from sealgrid.units import Address, Digest, to_address, to_digest

# Importing web3 raises Python's recursion limit a hundredfold, which lets deeply nested JSON from anybody overrun the
# C stack of a parser; what reads messages must fail with an exception instead.
sys.setrecursionlimit(1000)


class Node:
    """A connection to a node. Close it, or use it as ``async with Node(url) as node``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.web3 = AsyncWeb3(AsyncHTTPProvider(url))
        self._chain: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self.web3.provider.disconnect()

    async def chain(self) -> int:
        """Return the chain's id."""
        if self._chain is None:
            with wrapped("Reading the chain's id"):
                self._chain = await self.web3.eth.chain_id
        return self._chain

    async def block(self, which: int | Digest | str = "latest") -> Block:
        """Return a block by number, hash or name; raise ChainError when the chain has no such block."""
        with wrapped("Reading a block"):
            return _block(await self.web3.eth.get_block(cast("Any", which)))

    async def genesis(self) -> Digest:
        """Return the hash of block 0: two local chains may share an id, never this."""
        return (await self.block(0)).hash

    async def confirmed_block(self, depth: int = 1) -> Block:
        """Return the newest block with ``depth`` blocks from it to the head, both counted; the head has depth 1."""
        if depth < 1:
            raise ValueError("the head itself counts as depth 1")
        head = await self.block()
        return head if depth == 1 else await self.block(max(0, head.number - depth + 1))

    async def call(
        self, to: Address, data: bytes, *, at: Digest | None = None, doing: str = "Asking a contract"
    ) -> bytes:
        """Return what a contract answers, at a block's hash or at the head; raise ContractReverted when it refuses."""
        request = cast("TxParams", {"to": self.web3.to_checksum_address(to), "data": HexBytes(data)})
        with wrapped(doing):
            answer = bytes(await self.web3.eth.call(request, cast("Any", HexStr(at) if at else "latest")))
        if not answer:
            raise ChainError(f"{doing}: no contract stands at {to}.")
        return answer

    async def code(self, account: Address) -> bytes:
        """Return a contract's code, empty for an account that has none."""
        with wrapped("Reading a contract's code"):
            return bytes(await self.web3.eth.get_code(self.web3.to_checksum_address(account)))

    async def logs(
        self, address: Address, topics: Sequence[bytes | Sequence[bytes] | None], *, first: int, last: int
    ) -> list[Log]:
        """Return a contract's logs in a range of blocks, both ends included, in the chain's order."""
        return await self._logs(address, topics, {"fromBlock": hex(first), "toBlock": hex(last)})

    async def logs_of_block(self, address: Address, block: Digest) -> list[Log]:
        """Return a contract's logs in one block, found by hash: never those of a sibling."""
        return await self._logs(address, [], {"blockHash": block})

    async def rpc(self, method: str, *parameters: object) -> Any:
        """Call one method of the node; for what only a development chain knows."""
        with wrapped(f"Calling {method}"):
            answer = await self.web3.provider.make_request(RPCEndpoint(method), list(parameters))
        if "error" in answer:
            raise ChainError(f"The node refused {method}: {answer['error']}.")
        return answer.get("result")

    async def _logs(self, address: Address, topics: Sequence[Any], where: dict[str, str]) -> list[Log]:
        query = {"address": self.web3.to_checksum_address(address), "topics": [_hex(topic) for topic in topics]} | where
        with wrapped("Reading events"):
            return [log_of(found) for found in await self.web3.eth.get_logs(cast("FilterParams", query))]


def log_of(found: LogReceipt) -> Log:
    """Return a log as our own type."""
    return Log(
        address=to_address(found["address"]),
        topics=tuple(bytes(topic) for topic in found["topics"]),
        data=bytes(found["data"]),
        block_number=found["blockNumber"],
        block_hash=to_digest(bytes(found["blockHash"])),
        transaction=to_digest(bytes(found["transactionHash"])),
        index=found["logIndex"],
    )


def _hex(topic: bytes | Sequence[bytes] | None) -> Any:
    if topic is None or isinstance(topic, bytes):
        return topic and "0x" + topic.hex()
    return ["0x" + each.hex() for each in topic]


def _block(found: BlockData) -> Block:
    return Block(
        number=found["number"],
        hash=to_digest(bytes(found["hash"])),
        parent=to_digest(bytes(found["parentHash"])),
        timestamp=found["timestamp"],
    )

"""What one node says, as our own types; whatever cannot be read is a ChainError."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from sealgrid.chain.blocks import Block, EventLog, SentCall
from sealgrid.chain.endpoint import Endpoint
from sealgrid.errors import ChainError
from sealgrid.units import Digest, to_address, to_digest


class _Block(msgspec.Struct, frozen=True, rename="camel"):
    number: str
    hash: str
    parent_hash: str
    timestamp: str


class _Log(msgspec.Struct, frozen=True, rename="camel"):
    address: str
    topics: tuple[str, ...]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    log_index: str


class _Sent(msgspec.Struct, frozen=True):
    to: str | None
    input: str


async def read_chain(endpoint: Endpoint) -> int:
    """Return the chain's id."""
    doing = "Reading the chain's id"
    answer = await endpoint.ask("eth_chainId", doing=doing)
    with _readable(doing):
        return int(msgspec.json.decode(answer, type=str), 16)


async def read_block(endpoint: Endpoint, which: int | str) -> Block:
    """Return a block by number, hash or name; raise ChainError when the node has no such block."""
    doing, by_hash = "Reading a block", isinstance(which, str) and which.startswith("0x")
    method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
    asked = hex(which) if isinstance(which, int) else which
    answer = await endpoint.ask(method, asked, False, doing=doing)
    with _readable(doing):
        found = msgspec.json.decode(answer, type=_Block | None)
        if found is None:
            raise ChainError(f"{doing}: the chain has no block {asked}.")
        return Block(
            number=int(found.number, 16),
            hash=to_digest(found.hash),
            parent=to_digest(found.parent_hash),
            timestamp=int(found.timestamp, 16),
        )


async def read_bytes(endpoint: Endpoint, doing: str, method: str, *parameters: object) -> bytes:
    """Return the bytes that a method answers with."""
    answer = await endpoint.ask(method, *parameters, doing=doing)
    with _readable(doing):
        return _from_hex(msgspec.json.decode(answer, type=str))


async def read_sent(endpoint: Endpoint, transaction: Digest) -> SentCall:
    """Return whom a transaction called and with what; raise ChainError when the node has no such transaction."""
    doing = "Reading a transaction"
    answer = await endpoint.ask("eth_getTransactionByHash", transaction, doing=doing)
    with _readable(doing):
        found = msgspec.json.decode(answer, type=_Sent | None)
        if found is None:
            raise ChainError(f"{doing}: the chain has no transaction {transaction}.")
        return SentCall(to=None if found.to is None else to_address(found.to), data=_from_hex(found.input))


async def read_logs(endpoint: Endpoint, query: dict[str, Any]) -> list[EventLog]:
    """Return the events that a query finds."""
    doing = "Reading events"
    answer = await endpoint.ask("eth_getLogs", query, doing=doing)
    with _readable(doing):
        return [_log(found) for found in msgspec.json.decode(answer, type=list[_Log])]


def _log(found: _Log) -> EventLog:
    return EventLog(
        address=to_address(found.address),
        topics=tuple(_from_hex(topic) for topic in found.topics),
        data=_from_hex(found.data),
        block_number=int(found.block_number, 16),
        block_hash=to_digest(found.block_hash),
        transaction=to_digest(found.transaction_hash),
        index=int(found.log_index, 16),
    )


def _from_hex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


@contextmanager
def _readable(doing: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, msgspec.MsgspecError) as error:
        raise ChainError(f"{doing}: the node's answer cannot be read.") from error

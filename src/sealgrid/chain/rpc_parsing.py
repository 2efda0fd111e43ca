"""What one node says, as our own types; whatever cannot be read is a ChainError."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from sealgrid.chain.blocks import Block, EventLog, SentCall, TransactionReceipt
from sealgrid.chain.endpoint import Endpoint
from sealgrid.errors import ChainError, ContractReverted
from sealgrid.poco.refusals import NO_REASON
from sealgrid.units import Digest, to_address, to_digest

_INDEXING = "transaction indexing is in progress"  #: geth, after a restart


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


class _Receipt(msgspec.Struct, frozen=True, rename="camel"):
    status: str
    transaction_hash: str
    block_number: str
    block_hash: str
    gas_used: str
    logs: list[_Log]
    contract_address: str | None = None


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


async def read_receipt(endpoint: Endpoint, transaction: Digest, doing: str) -> TransactionReceipt | None:
    """Return the receipt of a transaction, None while the chain has none; raise ContractReverted if it failed."""
    try:
        answer = await endpoint.ask("eth_getTransactionReceipt", transaction, doing=doing)
    except ChainError as error:
        if _INDEXING in error.message:
            return None
        raise
    with _readable(doing):
        found = msgspec.json.decode(answer, type=_Receipt | None)
        if found is None:
            return None
        if int(found.status, 16) != 1:
            raise ContractReverted(f"{doing}: {NO_REASON}")
        return TransactionReceipt(
            transaction=to_digest(found.transaction_hash),
            block_number=int(found.block_number, 16),
            block_hash=to_digest(found.block_hash),
            gas_used=int(found.gas_used, 16),
            created=to_address(found.contract_address) if found.contract_address else None,
            logs=tuple(map(_log, found.logs)),
        )


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

"""JSON-RPC methods of one node with typed results; an unreadable reply raises ChainError."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from sealgrid.chain.blocks import Block, EventLog, TransactionCall, TransactionReceipt
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


class _Transaction(msgspec.Struct, frozen=True):
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
    action = "Reading the chain's id"
    reply = await endpoint.request("eth_chainId", action=action)
    with _parse_errors(action):
        return int(msgspec.json.decode(reply, type=str), 16)


async def read_block(endpoint: Endpoint, which: int | str) -> Block:
    """Return a block by number, hash or tag; raise ChainError if the node does not have it."""
    action, by_hash = "Reading a block", isinstance(which, str) and which.startswith("0x")
    method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
    name = hex(which) if isinstance(which, int) else which
    reply = await endpoint.request(method, name, False, action=action)
    with _parse_errors(action):
        block = msgspec.json.decode(reply, type=_Block | None)
        if block is None:
            raise ChainError(f"{action}: the chain has no block {name}.")
        return Block(
            number=int(block.number, 16),
            hash=to_digest(block.hash),
            parent=to_digest(block.parent_hash),
            timestamp=int(block.timestamp, 16),
        )


async def read_bytes(endpoint: Endpoint, action: str, method: str, *parameters: object) -> bytes:
    """Return the result of a method that returns bytes."""
    reply = await endpoint.request(method, *parameters, action=action)
    with _parse_errors(action):
        return _from_hex(msgspec.json.decode(reply, type=str))


async def read_transaction(endpoint: Endpoint, transaction: Digest) -> TransactionCall:
    """Return a transaction's contract and calldata; raise ChainError if the node does not have it."""
    action = "Reading a transaction"
    reply = await endpoint.request("eth_getTransactionByHash", transaction, action=action)
    with _parse_errors(action):
        sent = msgspec.json.decode(reply, type=_Transaction | None)
        if sent is None:
            raise ChainError(f"{action}: the chain has no transaction {transaction}.")
        return TransactionCall(to=None if sent.to is None else to_address(sent.to), data=_from_hex(sent.input))


async def read_logs(endpoint: Endpoint, query: dict[str, Any]) -> list[EventLog]:
    """Return the event logs that match a filter."""
    action = "Reading events"
    reply = await endpoint.request("eth_getLogs", query, action=action)
    with _parse_errors(action):
        return [_event_log(log) for log in msgspec.json.decode(reply, type=list[_Log])]


async def read_receipt(endpoint: Endpoint, transaction: Digest, action: str) -> TransactionReceipt | None:
    """Return a transaction's receipt, None while the node has none; raise ContractReverted if it failed."""
    try:
        reply = await endpoint.request("eth_getTransactionReceipt", transaction, action=action)
    except ChainError as error:
        if _INDEXING in error.message:
            return None
        raise
    with _parse_errors(action):
        receipt = msgspec.json.decode(reply, type=_Receipt | None)
        if receipt is None:
            return None
        if int(receipt.status, 16) != 1:
            raise ContractReverted(f"{action}: {NO_REASON}")
        return TransactionReceipt(
            transaction=to_digest(receipt.transaction_hash),
            block_number=int(receipt.block_number, 16),
            block_hash=to_digest(receipt.block_hash),
            gas_used=int(receipt.gas_used, 16),
            created=to_address(receipt.contract_address) if receipt.contract_address else None,
            logs=tuple(map(_event_log, receipt.logs)),
        )


def _event_log(log: _Log) -> EventLog:
    return EventLog(
        address=to_address(log.address),
        topics=tuple(_from_hex(topic) for topic in log.topics),
        data=_from_hex(log.data),
        block_number=int(log.block_number, 16),
        block_hash=to_digest(log.block_hash),
        transaction=to_digest(log.transaction_hash),
        index=int(log.log_index, 16),
    )


def _from_hex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


@contextmanager
def _parse_errors(action: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, msgspec.MsgspecError) as error:
        raise ChainError(f"{action}: the node's reply cannot be read.") from error

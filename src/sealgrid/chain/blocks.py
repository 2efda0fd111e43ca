"""Blocks, events, calls and receipts of a chain, as our own types."""

import msgspec

from sealgrid.units import Address, Digest


class Block(msgspec.Struct, frozen=True):
    """A block's place in the chain; ``timestamp`` is the chain's clock in Unix seconds."""

    number: int
    hash: Digest
    parent: Digest
    timestamp: int


class EventLog(msgspec.Struct, frozen=True):
    """One event as the chain stores it."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: Digest
    transaction: Digest
    index: int


class SentCall(msgspec.Struct, frozen=True):
    """What a transaction called, and with what; ``to`` is None where it made a contract."""

    to: Address | None
    data: bytes


class TransactionReceipt(msgspec.Struct, frozen=True):
    """A transaction that the chain included and that succeeded."""

    transaction: Digest
    block_number: int
    block_hash: Digest
    gas_used: int
    created: Address | None
    logs: tuple[EventLog, ...]

"""A reply that cannot be read is an error of the node; a receipt may not be there yet."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from sealgrid.chain import rpc_parsing
from sealgrid.errors import ChainError, ContractReverted
from sealgrid.units import to_digest

DIGEST = to_digest(b"\x0d" * 32)
RECEIPT = {
    "status": "0x1",
    "transactionHash": DIGEST,
    "blockNumber": "0x7",
    "blockHash": DIGEST,
    "gasUsed": "0x5208",
    "logs": [],
}


class Replies:
    """An endpoint with one reply, or one error."""

    def __init__(self, reply: object) -> None:
        self.reply = reply

    async def request(self, method: str, *parameters: object, action: str) -> msgspec.Raw:
        if isinstance(self.reply, Exception):
            raise self.reply
        return msgspec.Raw(msgspec.json.encode(self.reply))


READS: dict[str, Callable[[Any], Awaitable[object]]] = {
    "chain": rpc_parsing.read_chain,
    "block": lambda endpoint: rpc_parsing.read_block(endpoint, 7),
    "bytes": lambda endpoint: rpc_parsing.read_bytes(endpoint, "Reading", "eth_call"),
    "transaction": lambda endpoint: rpc_parsing.read_transaction(endpoint, DIGEST),
    "logs": lambda endpoint: rpc_parsing.read_logs(endpoint, {}),
    "receipt": lambda endpoint: rpc_parsing.read_receipt(endpoint, DIGEST, "Sending"),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("reply", [{"number": "x"}, 7, "0xzz"])
async def test_an_unreadable_reply_is_an_error_of_the_chain(read: str, reply: object) -> None:
    with pytest.raises(ChainError, match="cannot be read"):
        await READS[read](Replies(reply))


@pytest.mark.parametrize("read", ["block", "transaction"])
async def test_what_the_node_does_not_have_is_named(read: str) -> None:
    with pytest.raises(ChainError, match="the chain has no"):
        await READS[read](Replies(None))


@pytest.mark.parametrize("reply", [None, ChainError("Reading: transaction indexing is in progress")])
async def test_a_receipt_that_is_not_there_yet_is_none(reply: object) -> None:
    assert await READS["receipt"](Replies(reply)) is None


async def test_the_receipt_of_a_failed_transaction_raises() -> None:
    assert await READS["receipt"](Replies(RECEIPT)) is not None
    with pytest.raises(ContractReverted, match="Sending"):
        await READS["receipt"](Replies(RECEIPT | {"status": "0x0"}))

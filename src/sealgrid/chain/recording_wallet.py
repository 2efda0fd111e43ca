"""A wallet whose key is elsewhere: it writes down what would be sent, for that wallet to sign and send."""

from collections.abc import Callable

import msgspec
import rlp  # type: ignore[import-untyped]

from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.digests import keccak256
from sealgrid.units import ZERO_DIGEST, Address, to_address, to_bytes


class UnsignedTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction that nobody signed yet."""

    doing: str
    to: Address | None  #: None creates a contract
    data: bytes
    creates: Address | None = None  #: where that contract will stand if nothing else is sent before


class RecordingWallet(Wallet):
    """Gives every transaction to ``write``, in order, and answers as if it had been sent, with an empty receipt."""

    def __init__(self, node: Node, address: Address, write: Callable[[UnsignedTransaction], None]) -> None:
        self.node, self.address = node, address
        self._write, self._count = write, 0

    async def _send(self, to: Address | None, data: bytes, doing: str) -> TransactionReceipt:
        creates = None if to else await self._next_contract(doing)
        self._write(UnsignedTransaction(doing=doing, to=to, data=data, creates=creates))
        self._count += 1
        return TransactionReceipt(ZERO_DIGEST, 0, ZERO_DIGEST, 0, creates, ())

    async def _next_contract(self, doing: str) -> Address:
        # CREATE: the last 20 bytes of keccak(rlp([sender, nonce])).
        sent = int(await self.node.rpc("eth_getTransactionCount", self.address, "latest", doing=doing), 16)
        digest = keccak256(rlp.encode([to_bytes(self.address, 20), sent + self._count]))
        return to_address("0x" + digest[12:].hex())

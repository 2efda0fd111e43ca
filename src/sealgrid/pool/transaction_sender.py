"""Signs and sends transactions of the pool's account, and reads their outcomes."""

from typing import Final

from sealgrid.chain.abi import interface
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import signed_transaction
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ChainError
from sealgrid.pool.transactions import Fees, PoolTransaction, TransactionOutcome
from sealgrid.units import Address, Digest, to_bytes, to_digest

_TIP: Final = 10**9  #: wei per gas
_ACTION: Final = "Sending a transaction of the pool"


class TransactionSender:
    """One account on one chain. The nonces of what it has stored come from its caller."""

    def __init__(self, node: Node, key: SigningKey, hub: Address) -> None:
        self._node, self._key, self._hub = node, key, hub

    async def estimate(self, data: bytes, to: Address | None = None) -> int:
        """Simulate a call at the head, of the hub by default; return its gas; raise ContractReverted."""
        call = {"from": self._key.address, "to": to or self._hub, "data": "0x" + data.hex()}
        return int(await self._node.rpc("eth_estimateGas", call, action=_ACTION), 16)

    async def fees(self) -> Fees:
        """Return fees with which a transaction is included soon."""
        block = await self._node.rpc("eth_getBlockByNumber", "latest", False, action=_ACTION)
        return Fees(_TIP, 2 * int(block["baseFeePerGas"], 16) + _TIP)

    async def nonce(self, which: str = "pending") -> int:
        """Return the next nonce, after transactions that wait at the node (*pending*), or after a block."""
        return int(await self._node.rpc("eth_getTransactionCount", self._key.address, which, action=_ACTION), 16)

    async def sign(
        self, nonce: int, data: bytes, gas: int, fees: Fees, to: Address | None = None
    ) -> tuple[bytes, Digest]:
        """Return a signed call, of the hub by default, and its hash."""
        chain, target = await self._node.chain(), to_bytes(to or self._hub, 20)
        fields: tuple[object, ...] = (chain, nonce, fees.tip, fees.highest, gas, target, 0, data, [])
        raw = signed_transaction(self._key, fields)
        return raw, to_digest(keccak256(raw))

    async def send(self, transaction: PoolTransaction) -> None:
        """Send a transaction to the node. It is not an error if the node has it already."""
        try:
            await self._node.send_raw(transaction.raw, action=_ACTION)
        except ChainError:
            if not await self.is_known(transaction):
                raise

    async def is_known(self, transaction: PoolTransaction) -> bool:
        """Return whether the node has the last version of a transaction, waiting or included."""
        found = await self._node.rpc("eth_getTransactionByHash", transaction.hashes[-1], action=_ACTION)
        return found is not None

    async def outcome(self, transaction: PoolTransaction) -> TransactionOutcome | None:
        """Return how any version of a transaction ended; None while no block has it."""
        for each in reversed(transaction.hashes):
            receipt = await self._node.rpc("eth_getTransactionReceipt", each, action=_ACTION)
            if receipt is not None:
                return TransactionOutcome(int(receipt["blockNumber"], 16), reverted=int(receipt["status"], 16) == 0)
        return None


def hub_call(function: str, *arguments: object) -> bytes:
    """Return the data of a call of the hub."""
    return interface("Hub").call_data(function, *arguments)

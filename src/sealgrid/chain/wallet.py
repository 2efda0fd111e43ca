"""Wallet sends EIP-1559 transactions and waits for them; RecordingWallet records them for another wallet to sign."""

import asyncio
import time
from collections.abc import Callable

import msgspec
import rlp  # type: ignore[import-untyped]

from sealgrid.chain import artifacts
from sealgrid.chain.abi import ContractAbi, interface
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.node import Node
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ChainError, ContractReverted, ServiceUnavailable
from sealgrid.units import ZERO_DIGEST, Address, Digest, to_address, to_bytes

_POLL_SECONDS = 0.01  #: between two requests for a receipt
_TIMEOUT_SECONDS = 120.0
_MAX_RETRIES = 5  #: of a node that stops answering while the transaction is under way
_RETRY_SECONDS = 0.125  #: doubles with each retry
_GAS_MARGIN = 1.2  #: PoCo asserts that gas is left after a callback, which an estimate may cut too fine
_TIP = 10**9  #: wei per gas
_NONCE_TRIES = 5
_NONCE_IN_USE = ("nonce", "already imported", "already known", "underpriced")  #: in the messages of several nodes
_EIP1559 = b"\x02"


class Wallet:
    """An account with its key on one chain. It sends one transaction at a time."""

    def __init__(self, node: Node, key: SigningKey) -> None:
        self.node = node
        self.address: Address = key.address
        self._key = key
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"Wallet({self.address})"

    async def send(
        self, to: Address, data: bytes, *, value: int = 0, action: str = "Sending a transaction"
    ) -> TransactionReceipt:
        """Send one call, with ``value`` wei, and wait for its receipt; raise ContractReverted with its reason."""
        return await self._send(to, data, action, value)

    async def call(
        self, to: Address, contract: str, function: str, *arguments: object, action: str = ""
    ) -> TransactionReceipt:
        """Send one call to a shipped contract by name, e.g. ``call(hub, "Hub", "claim", task)``."""
        return await self.send(
            to, interface(contract).call_data(function, *arguments), action=action or f"Calling {function}"
        )

    async def deploy(self, code: bytes, abi: artifacts.Abi, *arguments: object, action: str = "Deploying") -> Address:
        """Deploy a contract and return its address."""
        receipt = await self._send(None, code + ContractAbi(abi).constructor_data(*arguments), action)
        if receipt.created is None:
            raise ChainError(f"{action}: the receipt names no contract.", money="")
        return receipt.created

    async def _send(self, to: Address | None, data: bytes, action: str, value: int = 0) -> TransactionReceipt:
        async with self._lock:
            return await self._receipt(await self._submit(to, data, action, value), action)

    async def _receipt(self, transaction: Digest, action: str) -> TransactionReceipt:
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        retries = 0
        while time.monotonic() < deadline:
            try:
                if receipt := await self.node.receipt(transaction, action=action):
                    return receipt
            except ServiceUnavailable:
                if retries == _MAX_RETRIES:
                    raise
                await asyncio.sleep(_RETRY_SECONDS * 2**retries)
                retries += 1
            else:
                retries = 0
                await asyncio.sleep(_POLL_SECONDS)
        raise ChainError(f"{action}: the chain did not include the transaction in time.", money="")

    async def _submit(self, to: Address | None, data: bytes, action: str, value: int) -> Digest:
        call = {"from": self.address, "data": "0x" + data.hex(), "value": hex(value)} | ({"to": to} if to else {})
        estimate, head, chain, pending = await asyncio.gather(
            self.node.rpc("eth_estimateGas", call, action=action),
            self.node.rpc("eth_getBlockByNumber", "latest", False, action=action),
            self.node.chain(),
            self._pending_nonce(action),
        )
        gas, base = int(estimate, 16), int(head["baseFeePerGas"], 16)
        for attempt in range(_NONCE_TRIES):
            nonce = await self._pending_nonce(action) if attempt else pending
            fees = (_TIP, 2 * base + _TIP, int(gas * _GAS_MARGIN))
            raw = signed_transaction(self._key, (chain, nonce, *fees, to_bytes(to, 20) if to else b"", value, data, []))
            try:
                return await self.node.send_raw(raw, action=action)
            except ContractReverted:
                raise
            except ChainError as error:
                # Another process may use the same key: retry with the next nonce.
                message = error.message.removeprefix(action)
                if attempt == _NONCE_TRIES - 1 or not any(words in message for words in _NONCE_IN_USE):
                    raise
        raise AssertionError("unreachable")

    async def _pending_nonce(self, action: str) -> int:
        return int(await self.node.rpc("eth_getTransactionCount", self.address, "pending", action=action), 16)


def signed_transaction(key: SigningKey, fields: tuple[object, ...]) -> bytes:
    """Return the raw form of an EIP-1559 transaction: its type, then RLP of ``fields`` and the signature.

    ``fields`` are chain id, nonce, tip, highest fee, gas, recipient, value, data, access list.
    """
    signature = key.sign(keccak256(_EIP1559, rlp.encode(fields)))
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64]))
    return _EIP1559 + bytes(rlp.encode((*fields, signature[64] - 27, r, s)))


class UnsignedTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction for another wallet to sign and send."""

    action: str
    to: Address | None  #: None creates a contract
    data: bytes
    value: int = 0  #: wei
    creates: Address | None = None  #: address of the created contract, if the account sends nothing before


class RecordingWallet(Wallet):
    """Passes every transaction to ``on_transaction``, in order, and returns an empty receipt as if it had been sent."""

    def __init__(self, node: Node, address: Address, on_transaction: Callable[[UnsignedTransaction], None]) -> None:
        self.node, self.address = node, address
        self._on_transaction, self._count = on_transaction, 0

    async def _send(self, to: Address | None, data: bytes, action: str, value: int = 0) -> TransactionReceipt:
        creates = None
        if to is None:  # CREATE: the last 20 bytes of keccak(rlp([sender, nonce]))
            sent = int(await self.node.rpc("eth_getTransactionCount", self.address, "latest", action=action), 16)
            digest = keccak256(rlp.encode([to_bytes(self.address, 20), sent + self._count]))
            creates = to_address(digest[12:])
        self._on_transaction(UnsignedTransaction(action=action, to=to, data=data, value=value, creates=creates))
        self._count += 1
        return TransactionReceipt(ZERO_DIGEST, 0, ZERO_DIGEST, 0, creates, ())

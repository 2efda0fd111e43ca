"""An account that sends transactions and waits for them."""

import asyncio
from typing import Any, cast

import msgspec
from eth_account import Account
from hexbytes import HexBytes
from web3.exceptions import Web3RPCError
from web3.types import TxParams, TxReceipt

from sealgrid.chain import artifacts
from sealgrid.chain.abi import ContractAbi, interface
from sealgrid.chain.blocks import EventLog
from sealgrid.chain.node import Node, log_of
from sealgrid.chain.web3_errors import wrapped
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ChainError, ContractReverted
from sealgrid.poco.refusals import NO_REASON
from sealgrid.units import Address, Digest, to_address, to_digest

_POLL = 0.01  #: seconds between two looks for a receipt; web3's own 0.1 would dominate every step
_TIMEOUT = 120.0  #: seconds
_GAS_MARGIN = 1.2  #: PoCo asserts that gas is left after a callback, which an estimate may cut too fine
_TIP = 10**9  #: wei per gas
_NONCE_TRIES = 5
_TAKEN = ("nonce", "already imported", "already known", "underpriced")  #: nodes' words for a number in use


class TransactionReceipt(msgspec.Struct, frozen=True):
    """A transaction that the chain included and that succeeded."""

    transaction: Digest
    block_number: int
    block_hash: Digest
    gas_used: int
    created: Address | None
    logs: tuple[EventLog, ...]


class Wallet:
    """A key on one chain; it sends one transaction at a time."""

    def __init__(self, node: Node, key: SigningKey) -> None:
        self.node = node
        self.address: Address = key.address
        self._account: Any = Account.from_key(key.secret)
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"Wallet({self.address})"

    async def send(self, to: Address, data: bytes, *, doing: str = "Sending a transaction") -> TransactionReceipt:
        """Send one call and wait for its receipt; raise ContractReverted with the contract's reason."""
        return await self._send({"to": self.node.web3.to_checksum_address(to), "data": HexBytes(data)}, doing)

    async def call(
        self, to: Address, contract: str, function: str, *arguments: object, doing: str = ""
    ) -> TransactionReceipt:
        """Send one call to a shipped contract by name, e.g. ``call(hub, "Hub", "claim", task)``."""
        return await self.send(
            to, interface(contract).call_data(function, *arguments), doing=doing or f"Calling {function}"
        )

    async def deploy(self, code: bytes, abi: artifacts.Abi, *arguments: object, doing: str = "Deploying") -> Address:
        """Deploy a contract and return its address."""
        data = code + ContractAbi(abi).constructor_data(*arguments)
        receipt = await self._send({"data": HexBytes(data)}, doing)
        if receipt.created is None:
            raise ChainError(f"{doing}: the receipt names no contract.", money="")
        return receipt.created

    async def _send(self, call: dict[str, Any], doing: str) -> TransactionReceipt:
        async with self._lock:
            with wrapped(doing):
                sent = await self._submitted(call)
                receipt = await self.node.web3.eth.wait_for_transaction_receipt(
                    sent, timeout=_TIMEOUT, poll_latency=_POLL
                )
        if receipt["status"] != 1:
            raise ContractReverted(f"{doing}: {NO_REASON}")
        return _receipt(receipt)

    async def _submitted(self, call: dict[str, Any]) -> HexBytes:
        eth = self.node.web3.eth
        sender = self.node.web3.to_checksum_address(self.address)
        gas = await eth.estimate_gas(cast("TxParams", call | {"from": sender}))
        base = (await eth.get_block("latest"))["baseFeePerGas"]
        fields = call | {
            "value": 0,
            "chainId": await self.node.chain(),
            "gas": int(gas * _GAS_MARGIN),
            "maxFeePerGas": 2 * base + _TIP,
            "maxPriorityFeePerGas": _TIP,
        }
        for attempt in range(_NONCE_TRIES):
            signed = self._account.sign_transaction(
                fields | {"nonce": await eth.get_transaction_count(sender, "pending")}
            )
            try:
                return await eth.send_raw_transaction(signed.raw_transaction)
            except Web3RPCError as error:
                # The same key may be in use elsewhere: take the next number.
                if attempt == _NONCE_TRIES - 1 or not any(word in str(error) for word in _TAKEN):
                    raise
        raise AssertionError("unreachable")


def _receipt(found: TxReceipt) -> TransactionReceipt:
    created = found["contractAddress"]
    return TransactionReceipt(
        transaction=to_digest(bytes(found["transactionHash"])),
        block_number=found["blockNumber"],
        block_hash=to_digest(bytes(found["blockHash"])),
        gas_used=found["gasUsed"],
        created=to_address(created) if created else None,
        logs=tuple(log_of(log) for log in found["logs"]),
    )

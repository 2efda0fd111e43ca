"""Wallet sends transactions and waits for them; RecordingWallet records them for another wallet to sign."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import aiohttp
import msgspec
import rlp  # type: ignore[import-untyped]
from eth_account import Account
from hexbytes import HexBytes
from web3.exceptions import ContractLogicError, TimeExhausted, Web3Exception, Web3RPCError
from web3.types import TxParams, TxReceipt

from sealgrid.chain import artifacts
from sealgrid.chain.abi import ContractAbi, interface
from sealgrid.chain.blocks import EventLog
from sealgrid.chain.endpoint import revert_reason
from sealgrid.chain.node import Node, event_log
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ChainError, ContractReverted, ServiceUnavailable
from sealgrid.poco.refusals import NO_REASON, explain
from sealgrid.units import ZERO_DIGEST, Address, Digest, to_address, to_bytes, to_digest

_POLL_SECONDS = 0.01  #: between two reads of a receipt; with web3's default of 0.1 the wait would dominate every step
_TIMEOUT_SECONDS = 120.0
_GAS_MARGIN = 1.2  #: PoCo asserts that gas is left after a callback; an estimate can be too low for that
_TIP = 10**9  #: wei per gas
_NONCE_TRIES = 5
_NONCE_USED = ("nonce", "already imported", "already known", "underpriced")  #: in error messages of several nodes


class TransactionReceipt(msgspec.Struct, frozen=True):
    """The receipt of a successful transaction."""

    transaction: Digest
    block_number: int
    block_hash: Digest
    gas_used: int
    created: Address | None
    logs: tuple[EventLog, ...]


class Wallet:
    """An account with its key on one chain. It sends one transaction at a time."""

    def __init__(self, node: Node, key: SigningKey) -> None:
        self.node = node
        self.address: Address = key.address
        self._account: Any = Account.from_key(key.secret)
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"Wallet({self.address})"

    async def send(self, to: Address, data: bytes, *, doing: str = "Sending a transaction") -> TransactionReceipt:
        """Send one call and wait for its receipt; raise ContractReverted with the revert reason."""
        return await self._send({"to": self.node.web3.to_checksum_address(to), "data": HexBytes(data)}, doing)

    async def call(
        self, to: Address, contract: str, function: str, *arguments: object, doing: str = ""
    ) -> TransactionReceipt:
        """Send one call to a shipped contract, e.g. ``call(hub, "Hub", "claim", task)``."""
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
            with _translated_errors(doing):
                sent = await self._submit(call)
                receipt = await self.node.web3.eth.wait_for_transaction_receipt(
                    sent, timeout=_TIMEOUT_SECONDS, poll_latency=_POLL_SECONDS
                )
        if receipt["status"] != 1:
            raise ContractReverted(f"{doing}: {NO_REASON}")
        return _receipt(receipt)

    async def _submit(self, call: dict[str, Any]) -> HexBytes:
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
                # Another process may use the same key: retry with the next nonce.
                if attempt == _NONCE_TRIES - 1 or not any(text in str(error) for text in _NONCE_USED):
                    raise
        raise AssertionError("unreachable")


class UnsignedTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction for another wallet to sign and send."""

    doing: str
    to: Address | None  #: None creates a contract
    data: bytes
    creates: Address | None = None  #: address of the created contract, if the account sends nothing before


class RecordingWallet(Wallet):
    """Passes every transaction to ``on_transaction``, in order, and returns an empty receipt as if it had been sent."""

    def __init__(self, node: Node, address: Address, on_transaction: Callable[[UnsignedTransaction], None]) -> None:
        self.node, self.address = node, address
        self._on_transaction, self._count = on_transaction, 0

    async def _send(self, call: dict[str, Any], doing: str) -> TransactionReceipt:
        creates = None if "to" in call else await self._next_contract(doing)
        to = to_address(call["to"]) if "to" in call else None
        self._on_transaction(UnsignedTransaction(doing=doing, to=to, data=bytes(call["data"]), creates=creates))
        self._count += 1
        return TransactionReceipt(ZERO_DIGEST, 0, ZERO_DIGEST, 0, creates, ())

    async def _next_contract(self, doing: str) -> Address:
        # CREATE: the last 20 bytes of keccak(rlp([sender, nonce])).
        with _translated_errors(doing):
            sent = await self.node.web3.eth.get_transaction_count(self.node.web3.to_checksum_address(self.address))
        digest = keccak256(rlp.encode([to_bytes(self.address, 20), sent + self._count]))
        return to_address("0x" + digest[12:].hex())


@contextmanager
def _translated_errors(doing: str) -> Iterator[None]:
    """Convert web3's errors: ContractReverted for a revert, ServiceUnavailable without an answer, else ChainError."""
    try:
        yield
    except ContractLogicError as error:
        reason = revert_reason(str(error.message or ""))
        raise ContractReverted(f"{doing}: {explain(reason)}") from error
    except TimeExhausted as error:
        raise ChainError(f"{doing}: the chain did not include the transaction in time.", money="") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ServiceUnavailable(f"{doing}: the chain's node does not answer; try again.") from error
    except (Web3RPCError, Web3Exception) as error:
        raise ChainError(f"{doing}: the node refused: {error}.") from error


def _receipt(receipt: TxReceipt) -> TransactionReceipt:
    created = receipt["contractAddress"]
    return TransactionReceipt(
        transaction=to_digest(bytes(receipt["transactionHash"])),
        block_number=receipt["blockNumber"],
        block_hash=to_digest(bytes(receipt["blockHash"])),
        gas_used=receipt["gasUsed"],
        created=to_address(created) if created else None,
        logs=tuple(event_log(log) for log in receipt["logs"]),
    )

"""A chain in this process (titanoboa's EVM) with the interface of Node and Wallet, for thousands of transactions.

No coroutine here suspends: ``now`` runs one without an event loop.
"""

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import boa
from eth_abi.abi import decode

from sealgrid.chain.abi import ContractAbi, interface
from sealgrid.chain.blocks import Block, EventLog, TransactionReceipt
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import ContractReverted
from sealgrid.units import ZERO_DIGEST, Address, Digest, to_address, to_digest

T = TypeVar("T")
LOCAL_CHAIN = 31337
_ERROR = bytes.fromhex("08c379a0")  #: selector of Error(string)


def now(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the coroutine suspended")


class MemoryNode:
    """A Node with its own chain."""

    def __init__(self, chain: int = LOCAL_CHAIN) -> None:
        self.env = boa.Env()
        self.env.evm.patch.chain_id = chain

    @contextmanager
    def anchored(self) -> Iterator[None]:
        """Revert all changes at the end of the context."""
        with self.env.anchor():
            yield

    def advance(self, seconds: int) -> None:
        self.env.evm.patch.timestamp += seconds

    def fork(self, chain: int) -> None:
        """Change the chain's id."""
        self.env.evm.patch.chain_id = chain

    async def chain(self) -> int:
        return self.env.evm.patch.chain_id

    async def genesis(self) -> Digest:
        return ZERO_DIGEST

    async def block(self, _: object = "latest") -> Block:
        patch = self.env.evm.patch
        return Block(number=patch.block_number, hash=ZERO_DIGEST, parent=ZERO_DIGEST, timestamp=patch.timestamp)

    async def call(self, to: Address, data: bytes, *, at: object = None, action: str = "") -> bytes:
        return _checked(self.env.execute_code(to, data=data, is_modifying=False), action).output

    async def code(self, account: Address) -> bytes:
        return self.env.get_code(account)


class MemoryWallet:
    """A Wallet on that chain."""

    def __init__(self, node: MemoryNode, key: SigningKey) -> None:
        self.node, self.address = node, key.address

    async def send(self, to: Address, data: bytes, *, action: str = "Sending a transaction") -> TransactionReceipt:
        done = self.node.env.execute_code(to, sender=self.address, data=data)
        return _receipt(_checked(done, action), None)

    async def call(
        self, to: Address, contract: str, function: str, *arguments: object, action: str = ""
    ) -> TransactionReceipt:
        return await self.send(to, interface(contract).call_data(function, *arguments), action=action or function)

    async def deploy(self, code: bytes, abi: list[dict[str, Any]], *arguments: object, action: str = "") -> Address:
        data = code + ContractAbi(abi).constructor_data(*arguments)
        address, done = self.node.env.deploy(sender=self.address, bytecode=data)
        _checked(done, action)
        return to_address(address.canonical_address)


def _checked(done: Any, action: str) -> Any:
    if done.is_error:
        output = done.output
        reason = decode(["string"], output[4:])[0] if output[:4] == _ERROR else "it gives no reason"
        raise ContractReverted(f"{action}: {reason}")
    return done


def _receipt(done: Any, created: Address | None) -> TransactionReceipt:
    logs = tuple(
        EventLog(
            address=to_address(bytes(address)),
            topics=tuple(topic.to_bytes(32, "big") for topic in topics),
            data=data,
            block_number=0,
            block_hash=ZERO_DIGEST,
            transaction=ZERO_DIGEST,
            index=index,
        )
        for index, (address, topics, data) in enumerate(done.get_log_entries())
    )
    return TransactionReceipt(to_digest(bytes(32)), 0, ZERO_DIGEST, done.get_gas_used(), created, logs)

"""The PoolGate contract: a workerpool's owner with TeeBroker's checks (docs/protocol/gate.md)."""

from typing import ClassVar, Final

from eth_abi.abi import encode

from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.broker import PROOF, Broker
from sealgrid.chain.hub import order_values
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.poco.orders import WorkerpoolOrder
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, TaskId, to_bytes

_NO_VERDICT: Final = (bytes(32), 0, bytes(32), bytes(32), 0)


class PoolGate(Broker):
    """One PoolGate on one chain. It applies a broker's checks to the workerpools that it owns."""

    CONTRACT: ClassVar = "PoolGate"

    async def operator(self, *, at: Digest | None = None) -> Address:
        """Return the account that runs the pools."""
        return Address(await self._read("operator", at=at))

    async def change_operator(self, wallet: Wallet, operator: Address) -> TransactionReceipt:
        """Replace the operator. The wallet is the owner's."""
        return await self._send(wallet, "change_operator", operator, action="Changing the operator")

    async def sign_order(self, wallet: Wallet, order: WorkerpoolOrder) -> TransactionReceipt:
        """Presign an order on chain. The wallet is the operator's."""
        return await self._send(wallet, "sign_order", order_values(order), action="Presigning the order")

    async def close_order(self, wallet: Wallet, order: WorkerpoolOrder) -> TransactionReceipt:
        """Close an order, so it can never be matched again. The wallet is the operator's."""
        return await self._send(wallet, "close_order", order_values(order), action="Closing the order")

    async def finalize(
        self, wallet: Wallet, task: TaskId, *, results: bytes, callback: bytes = b""
    ) -> TransactionReceipt:
        """Finalise a task whose workers revealed. The wallet is the operator's."""
        return await self._send(wallet, "finalize", task, results, callback, action="Finalising the task")

    async def reopen(self, wallet: Wallet, task: TaskId) -> TransactionReceipt:
        """Reopen a task whose workers did not reveal. The wallet is the operator's."""
        return await self._send(wallet, "reopen", task, action="Reopening the task")

    async def change_policy(
        self, wallet: Wallet, workerpool: Address, *, stake: int, reward: int
    ) -> TransactionReceipt:
        """Change the worker's stake and the pool's reward, in per cent of the price. The wallet is the operator's."""
        return await self._send(wallet, "change_policy", workerpool, stake, reward, action="Changing the pool's policy")

    async def withdraw(self, wallet: Wallet, amount: int) -> TransactionReceipt:
        """Move ``amount`` nRLC of free stake and rewards to the operator. The wallet is the operator's."""
        return await self._send(wallet, "withdraw", amount, action="Withdrawing from the gate's escrow")


async def pool_signer(node: Node, owner: Address, gate: Address, *, at: Digest | None = None) -> Address:
    """Return the account that signs for a pool: its owner, or the gate's operator if the gate owns it."""
    return await PoolGate(node, gate).operator(at=at) if owner == gate else owner


def encode_proof_without_enclave(*, worker: Address, deal: DealId, index: int, pool_signature: bytes) -> bytes:
    """Encode the proof (PoCo's ``authorizationSign``) of a worker without an enclave: the operator's signature only."""
    return encode(PROOF, (worker, to_bytes(deal, 32), index, ZERO_ADDRESS, pool_signature, _NO_VERDICT, [], []))

"""The PoolGate contract: a workerpool's owner that judges proofs where no hub asks a broker (docs/protocol/gate.md)."""

from typing import Any, ClassVar, Final

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
    """One PoolGate on one chain; it judges as a broker does, for the workerpools that it owns."""

    CONTRACT: ClassVar = "PoolGate"

    async def operator(self, *, at: Digest | None = None) -> Address:
        """Return who runs the pools."""
        return Address(await self._read("operator", at=at))

    async def change_operator(self, wallet: Wallet, operator: Address) -> TransactionReceipt:
        """Let another account run the pools; the wallet is the owner's."""
        return await self._do(wallet, "change_operator", operator, doing="Changing the operator")

    async def sign_order(self, wallet: Wallet, order: WorkerpoolOrder) -> TransactionReceipt:
        """Presign an order on chain; the wallet is the operator's."""
        return await self._do(wallet, "sign_order", order_values(order), doing="Presigning the order")

    async def close_order(self, wallet: Wallet, order: WorkerpoolOrder) -> TransactionReceipt:
        """Use up an order, so that it can never be matched again; the wallet is the operator's."""
        return await self._do(wallet, "close_order", order_values(order), doing="Closing the order")

    async def finalize(
        self, wallet: Wallet, task: TaskId, *, results: bytes, callback: bytes = b""
    ) -> TransactionReceipt:
        """Finalise a task whose workers revealed; the wallet is the operator's."""
        return await self._do(wallet, "finalize", task, results, callback, doing="Finalising the task")

    async def reopen(self, wallet: Wallet, task: TaskId) -> TransactionReceipt:
        """Open a task again whose workers did not reveal; the wallet is the operator's."""
        return await self._do(wallet, "reopen", task, doing="Reopening the task")

    async def change_policy(
        self, wallet: Wallet, workerpool: Address, *, stake: int, reward: int
    ) -> TransactionReceipt:
        """Change what workers stake and what the pool keeps, in per cent of the price; the wallet is the operator's."""
        return await self._do(wallet, "change_policy", workerpool, stake, reward, doing="Changing the pool's policy")

    async def withdraw(self, wallet: Wallet, amount: int) -> TransactionReceipt:
        """Move ``amount`` nRLC of free stake and rewards to the operator, whose the wallet is."""
        return await self._do(wallet, "withdraw", amount, doing="Withdrawing from the gate's escrow")


async def pool_speaker(node: Node, owner: Address, gate: Address, *, at: Digest | None = None) -> Address:
    """Return who speaks for a pool: its owner, or that owner's operator when it is this gate."""
    return await PoolGate(node, gate).operator(at=at) if owner == gate else owner


def encode_word(*, worker: Address, deal: DealId, index: int, signature: bytes) -> bytes:
    """Return what goes to PoCo as ``authorizationSign`` for a worker without an enclave: the operator's word alone."""
    values: tuple[Any, ...] = (worker, to_bytes(deal, 32), index, ZERO_ADDRESS, signature, _NO_VERDICT, [], [])
    return encode(PROOF, values)

"""The WorkerAccount contract: the PoCo worker of a fleet of machines (docs/protocol/worker-account.md)."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from sealgrid.attestation.statements import AccountCall
from sealgrid.chain import artifacts
from sealgrid.chain.abi import ContractAbi, interface
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.node import Node
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import InputRefused
from sealgrid.units import Address, Digest, Nrlc

MAX_CALL: Final = 16_384  #: bytes of one call, as the contract takes them
CALL_SECONDS: Final = 3600  #: lifetime of a signed call, by the chain's clock
_ABI: Final = interface("WorkerAccount")


class Delegation(msgspec.Struct, frozen=True):
    """What a machine may do as an account, for one pool."""

    expiry: int  #: Unix seconds by the chain's clock; 0 without a delegation
    stake: Nrlc  #: the largest stake of one contribution, in nRLC; results of enclaves need none


class WorkerAccount:
    """One WorkerAccount on one chain."""

    def __init__(self, node: Node, address: Address) -> None:
        self.node, self.address = node, address

    async def require_of(self, hub: Address) -> None:
        """Raise InputRefused unless the contract has exactly the code of an account of this hub."""
        creation = artifacts.bytecode("WorkerAccount") + ContractAbi(artifacts.abi("WorkerAccount")).constructor_data(
            hub
        )
        call, action = {"data": "0x" + creation.hex()}, "Computing the code of worker accounts"
        expected = bytes.fromhex((await self.node.rpc("eth_call", call, "latest", action=action))[2:])
        if await self.node.code(self.address) != expected:
            raise InputRefused(f"{self.address} is not a worker account of this version on hub {hub}.")

    async def owner(self, *, at: Digest | None = None) -> Address:
        """Return the account that delegates and withdraws."""
        return Address(await self._read("owner", at=at))

    async def delegation(self, delegate: Address, pool: Address, *, at: Digest | None = None) -> Delegation:
        """Return what a machine may do for a pool."""
        expiry, stake = await self._read("delegations", delegate, pool, at=at)
        return Delegation(expiry, Nrlc(stake))

    async def delegate(
        self, wallet: Wallet, delegate: Address, pool: Address, delegation: Delegation
    ) -> TransactionReceipt:
        """Let a machine's key work for a pool. The wallet is the owner's."""
        values = (delegate, pool, delegation.expiry, delegation.stake)
        return await self._send(wallet, "delegate", *values, action="Delegating the work")

    async def revoke(self, wallet: Wallet, delegate: Address, pool: Address) -> TransactionReceipt:
        """End a delegation at once. The wallet is the owner's."""
        return await self._send(wallet, "revoke", delegate, pool, action="Revoking the delegation")

    async def withdraw(self, wallet: Wallet, amount: int, target: Address) -> TransactionReceipt:
        """Move ``amount`` nRLC of free stake and earnings to an account. The wallet is the owner's."""
        return await self._send(wallet, "withdraw", amount, target, action="Withdrawing from the worker account")

    async def forward(self, wallet: Wallet, call: AccountCall, signature: bytes) -> TransactionReceipt:
        """Make a worker's call that a machine signed. Any wallet may send it."""
        return await self._send(wallet, "forward", call.call, call.expiry, signature, action="Forwarding a call")

    async def _read(self, function: str, *arguments: object, at: Digest | None = None) -> Any:
        data = _ABI.call_data(function, *arguments)
        answer = await self.node.call(
            self.address, data, at=at, action=f"Reading {function} from the worker account {self.address}"
        )
        return _ABI.decode(function, answer)

    async def _send(self, wallet: Wallet, function: str, *arguments: object, action: str) -> TransactionReceipt:
        return await wallet.call(self.address, "WorkerAccount", function, *arguments, action=action)


async def deploy_worker_account(wallet: Wallet, hub: Address) -> Address:
    """Deploy an account for a hub; the wallet becomes its owner."""
    code, abi = artifacts.bytecode("WorkerAccount"), artifacts.abi("WorkerAccount")
    return await wallet.deploy(code, abi, hub, action="Creating the worker account")


class AccountWallet(Wallet):
    """Makes a worker's calls of a hub as an account: signs each with a machine's key and gives it to ``send``.

    ``send`` gets the call, its signature and what is done in words, and returns when a block has it.
    """

    def __init__(
        self,
        node: Node,
        hub: Address,
        account: Address,
        key: SigningKey,
        send: Callable[[AccountCall, bytes, str], Awaitable[TransactionReceipt]],
    ) -> None:
        super().__init__(node, key)
        self.address, self._hub, self._forward = account, hub, send

    async def _send(self, to: Address | None, data: bytes, action: str, value: int = 0) -> TransactionReceipt:
        if to != self._hub or value:
            raise InputRefused(f"{action}: a worker account calls its hub alone.")
        expiry = (await self.node.block()).timestamp + CALL_SECONDS
        call = AccountCall(call=data, expiry=expiry)
        domain = Domain(chain=await self.node.chain(), broker=self.address)
        return await self._forward(call, call.sign(domain, self._key), action)


def forward_data(call: AccountCall, signature: bytes) -> bytes:
    """Return the calldata for the account."""
    return _ABI.call_data("forward", call.call, call.expiry, signature)

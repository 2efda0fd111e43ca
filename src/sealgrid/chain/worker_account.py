"""The WorkerAccount contract: the PoCo worker of a fleet of machines (docs/protocol/worker-account.md)."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from eth_abi.exceptions import DecodingError

from sealgrid.attestation.statements import AccountCall
from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.node import UNTRUSTED_CALL_GAS, Node
from sealgrid.chain.wallet import Wallet
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import ContractReverted, InputRefused
from sealgrid.units import Address, Nrlc, to_bytes

MAX_CALL: Final = 22_528  #: bytes of one call, as the contract takes them
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
        expected = artifacts.deployed_code("WorkerAccount", bytes(12) + to_bytes(hub, 20))
        if await self.node.code(self.address) != expected:
            raise InputRefused(f"{self.address} is not a worker account of this version on hub {hub}.")

    async def require_any_version_of(self, hub: Address) -> None:
        """Raise InputRefused unless the contract names this hub and an owner, as accounts of every version do.

        It says nothing about what else the code does: for the commands of an owner, who deployed it.
        """
        named = None
        if await self.node.code(self.address):
            with contextlib.suppress(ContractReverted, DecodingError, ValueError, OverflowError):
                named, _ = Address(await self._read("hub")), await self.owner()
        if named != hub:
            raise InputRefused(f"{self.address} is not a worker account on hub {hub}.")

    async def owner(self) -> Address:
        """Return the account that delegates and withdraws."""
        return Address(await self._read("owner"))

    async def delegation(self, delegate: Address, pool: Address) -> Delegation:
        """Return what a machine may do for a pool."""
        expiry, stake = await self._read("delegations", delegate, pool)
        return Delegation(expiry, Nrlc(stake))

    async def require_delegation(self, delegate: Address, pool: Address, until: int | None = None) -> None:
        """Raise InputRefused unless a machine may work for a pool now, and until a time by the chain's clock."""
        delegation, head = await self.delegation(delegate, pool), await self.node.block()
        renewal = f"its owner delegates with: sealgrid worker account delegate {self.address} {delegate} --pool {pool}"
        if delegation.expiry <= head.timestamp:
            raise InputRefused(f"account {self.address} lets worker {delegate} do nothing for pool {pool}; {renewal}")
        if until is not None and delegation.expiry < until:
            raise InputRefused(
                f"account {self.address} lets worker {delegate} work until {delegation.expiry}, and the chain takes "
                f"this result until {until} (Unix seconds); {renewal}"
            )

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

    async def _read(self, function: str, *arguments: object) -> Any:
        data = _ABI.call_data(function, *arguments)
        action = f"Reading {function} from the worker account {self.address}"
        answer = await self.node.call(self.address, data, gas=UNTRUSTED_CALL_GAS, action=action)
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
        *,
        chain: int,
        expiry: int,
    ) -> None:
        """``expiry`` is the first second at which its signatures no longer hold, by the chain's clock."""
        super().__init__(node, key)
        self.address, self._hub, self._forward = account, hub, send
        self._domain, self._expiry = Domain(chain=chain, broker=account), expiry

    async def _send(self, to: Address | None, data: bytes, action: str, value: int = 0) -> TransactionReceipt:
        if to != self._hub or value:
            raise InputRefused(f"{action}: a worker account calls its hub alone.")
        call = AccountCall(call=data, expiry=self._expiry)
        return await self._forward(call, call.sign(self._domain, self._key), action)


def forward_data(call: AccountCall, signature: bytes) -> bytes:
    """Return the calldata for the account."""
    return _ABI.call_data("forward", call.call, call.expiry, signature)

"""Fleets: worker accounts (contracts/WorkerAccount.vy), each one worker of PoCo for many machines of one owner."""

from dataclasses import dataclass

from sealgrid.chain.abi import interface
from sealgrid.chain.worker_account import Delegation, WorkerAccount, deploy_worker_account
from sealgrid.errors import InputRefused, OrderRefused
from sealgrid.sdk.addresses import parse_address
from sealgrid.sdk.amounts import Amount, Price, amount
from sealgrid.sdk.connection import Connection
from sealgrid.units import ZERO_ADDRESS, Address, Nrlc


@dataclass(frozen=True, slots=True)
class FleetMachine:
    """A machine that works for an account, for one pool."""

    worker: Address
    pool: Address
    expiry: int  #: Unix seconds
    stake: Amount  #: the largest stake of one result without an enclave


@dataclass(frozen=True, slots=True)
class Fleet:
    """A worker account: its owner, machines and money."""

    account: Address
    owner: Address
    machines: tuple[FleetMachine, ...]  #: whose delegation has not ended
    escrow: Amount  #: free stake and earnings
    locked: Amount  #: stake of open tasks


class AsyncFleets:
    """The worker accounts of a network, as the connected account sees them."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    async def create(self) -> str:
        """Deploy a worker account that the connected account owns; return its address."""
        return await deploy_worker_account(self._conn.wallet, self._conn.hub.address)

    async def delegate(
        self, account: str, worker: str, *, until: int, stake: Price = "0", pool: str | None = None
    ) -> FleetMachine:
        """Let a machine work for an account until a time, in Unix seconds; replaces an earlier delegation.

        One result without an enclave may lock ``stake`` at most. ``pool`` is the network's by default.
        Raises InputRefused if the connected account does not own the worker account, the time has passed, or the
        account is of another version: pools would not serve it.
        """
        contract, conn = await self._owned(account), self._conn
        await contract.require_of(conn.hub.address)
        if until <= (await conn.node.block()).timestamp:
            raise InputRefused("the end of the delegation has passed; nothing was sent.")
        machine = FleetMachine(_address(worker), self._pool(pool), until, amount(stake))
        delegation = Delegation(machine.expiry, Nrlc(int(machine.stake)))
        await contract.delegate(conn.wallet, machine.worker, machine.pool, delegation)
        return machine

    async def revoke(self, account: str, worker: str, *, pool: str | None = None) -> None:
        """End a machine's work for an account, at once.

        Raises InputRefused if the connected account does not own it, or the machine does not work for it.
        """
        contract, machine, own = await self._owned(account), _address(worker), self._pool(pool)
        if not (await contract.delegation(machine, own)).expiry:
            raise InputRefused(f"{machine} does not work for account {account} in pool {own}; nothing was sent.")
        await contract.revoke(self._conn.wallet, machine, own)

    async def deposit(self, account: str, how_much: Price) -> Fleet:
        """Move money from the connected account's wallet into the escrow of a worker account, as stake.

        Raises OrderRefused if there is not enough, InputRefused for an account of another version; nothing is sent
        then.
        """
        conn, value, contract = self._conn, amount(how_much), await self._contract(account)
        await contract.require_of(conn.hub.address)
        wallet = await conn.hub.wallet_balance(conn.address)
        if not 0 < value <= wallet:
            raise OrderRefused(f"{value} cannot be deposited: the wallet has {Amount(wallet)}; nothing was sent.")
        await conn.hub.deposit_for(conn.wallet, int(value), contract.address)
        return await self.get(account)

    async def collect(self, account: str, *, to: str | None = None) -> Amount:
        """Move all free stake and earnings of an account to a wallet, the owner's by default; return how much.

        Raises InputRefused if the connected account does not own it, or for a receiver that cannot use the money.
        """
        contract, conn = await self._owned(account), self._conn
        receiver = conn.address if to is None else _address(to)
        if receiver in {ZERO_ADDRESS, contract.address, conn.network.hub, conn.network.token}:
            raise InputRefused(f"{receiver} cannot use the money; nothing was sent.")
        free = (await conn.hub.account(contract.address)).stake
        if free:
            await contract.withdraw(conn.wallet, free, receiver)
        return Amount(free)

    async def get(self, account: str) -> Fleet:
        """Return a worker account; raise InputRefused for an address that is none of this network."""
        conn, contract, abi = self._conn, await self._contract(account), interface("WorkerAccount")
        head = await conn.node.block()
        logs = await conn.node.logs(contract.address, [abi.topic("Delegated")], first=0, last=head.number)
        events = [abi.decode_event(each.topics, each.data) for each in logs]
        machines = []
        for worker, pool in dict.fromkeys(values[:2] for _, values in filter(None, events)):
            found = await contract.delegation(Address(worker), Address(pool))
            if found.expiry > head.timestamp:
                machines.append(FleetMachine(Address(worker), Address(pool), found.expiry, Amount(found.stake)))
        money = await conn.hub.account(contract.address)
        return Fleet(
            account=contract.address,
            owner=await contract.owner(),
            machines=tuple(machines),
            escrow=Amount(money.stake),
            locked=Amount(money.locked),
        )

    def _pool(self, text: str | None) -> Address:
        return self._conn.network.workerpool if text is None else _address(text)

    async def _contract(self, text: str) -> WorkerAccount:
        contract = WorkerAccount(self._conn.node, _address(text))
        await contract.require_any_version_of(self._conn.hub.address)
        return contract

    async def _owned(self, text: str) -> WorkerAccount:
        contract = await self._contract(text)
        if (owner := await contract.owner()) != self._conn.address:
            raise InputRefused(
                f"account {contract.address} is owned by {owner}, not by {self._conn.address}; connect its owner."
            )
        return contract


def _address(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise InputRefused(f"{text[:80]!r} is not an address.") from error

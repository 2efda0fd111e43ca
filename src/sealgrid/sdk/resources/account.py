"""An account's money: in its wallet, in escrow, and earned."""

from dataclasses import dataclass

from sealgrid.chain.abi import interface
from sealgrid.chain.events import Reward, Transfer, parse_events
from sealgrid.errors import OrderRefused
from sealgrid.sdk.amounts import Amount, Price, amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.test_credits import hand_out
from sealgrid.units import ZERO_ADDRESS, Address, TaskId


@dataclass(frozen=True, slots=True)
class Balance:
    """Where an account's money is."""

    wallet: Amount  #: outside escrow
    escrow: Amount  #: free in escrow: pays for runs, or is withdrawn
    locked: Amount  #: held for runs that have not ended


@dataclass(frozen=True, slots=True)
class EarnedPayment:
    """What one task paid to this account."""

    task: TaskId
    amount: Amount
    block: int


@dataclass(frozen=True, slots=True)
class Earnings:
    """What tasks paid to this account; it arrives in escrow."""

    total: Amount
    withdrawable: Amount  #: of it, what is still in escrow: withdrawals count against earnings first
    payments: tuple[EarnedPayment, ...]  #: in the chain's order


class AsyncAccount:
    """The connected account."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    @property
    def address(self) -> Address:
        """Return the account's address."""
        return self._conn.address

    async def balance(self) -> Balance:
        """Return where the account's money is."""
        held = await self._conn.hub.account(self.address)
        wallet = await self._conn.hub.wallet_balance(self.address)
        return Balance(wallet=Amount(wallet), escrow=Amount(held.stake), locked=Amount(held.locked))

    async def deposit(self, how_much: Price) -> Balance:
        """Move money from the wallet into escrow, from which runs are paid."""
        await self._conn.hub.deposit(self._conn.wallet, int(amount(how_much)))
        return await self.balance()

    async def withdraw(self, how_much: Price | None = None) -> Balance:
        """Move money from escrow into the wallet; all that is free unless told how much."""
        free = (await self.balance()).escrow
        wanted = free if how_much is None else amount(how_much)
        if wanted > free:
            raise OrderRefused(f"{wanted} cannot be withdrawn: {free} is free in escrow.")
        await self._conn.hub.withdraw(self._conn.wallet, int(wanted))
        return await self.balance()

    async def fund(self, how_much: Price = "1000") -> Balance:
        """Get test credits into the wallet, and gas; on a local network only, where they are worth nothing."""
        await hand_out(self._conn, amount(how_much))
        return await self.balance()

    async def earnings(self) -> Earnings:
        """Return what tasks paid to the account so far."""
        conn, face = self._conn, interface("Hub")
        kinds = [face.topic("Reward"), face.topic("Transfer")]
        head = (await conn.node.block()).number
        events = parse_events(await conn.node.logs(conn.hub.address, [kinds], first=0, last=head))
        rewards = [event for event in events if isinstance(event, Reward) and event.account == self.address]
        paid = tuple(
            EarnedPayment(each.task, Amount(each.amount), each.block_number) for each in rewards if each.amount
        )
        total = sum(payment.amount for payment in paid)
        gone = sum(event.amount for event in events if isinstance(event, Transfer) and self._withdrew(event))
        free = (await self.balance()).escrow
        return Earnings(Amount(total), Amount(max(0, min(free, total - gone))), paid)

    def _withdrew(self, event: Transfer) -> bool:
        return (event.sender, event.receiver) == (self.address, ZERO_ADDRESS)

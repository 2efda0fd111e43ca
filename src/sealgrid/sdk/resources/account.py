"""An account's money: wallet, escrow and earnings."""

from dataclasses import dataclass
from typing import Final

from sealgrid.chain.abi import interface
from sealgrid.chain.accounts import development_key
from sealgrid.chain.deploy import fund
from sealgrid.chain.events import Reward, Transfer, parse_events
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import InputRefused, OrderRefused
from sealgrid.sdk.amounts import Amount, Price, amount
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations.earnings import EarnedPayment, payments_of
from sealgrid.sdk.operations.resolve import find_account
from sealgrid.sdk.operations.run_sums import RunSum, SumBy, sums
from sealgrid.units import ZERO_ADDRESS, Address
from sealgrid.wire.faucet import FaucetClient
from sealgrid.wire.http_transport import HttpTransport

_GAS: Final = 10**20  #: wei; a hundred test ether


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's money by location."""

    wallet: Amount  #: outside escrow
    escrow: Amount  #: available in escrow for runs or withdrawal
    locked: Amount  #: reserved for runs that have not ended


@dataclass(frozen=True, slots=True)
class Earnings:
    """Payments of tasks to this account; they arrive in escrow."""

    total: Amount
    withdrawable: Amount  #: the part that is still in escrow; withdrawals count against earnings first
    payments: tuple[EarnedPayment, ...]  #: in the order of the chain

    def by(self, kind: SumBy) -> tuple[RunSum, ...]:
        """Return the sums by "app", "model", "buyer" or "state", the largest first, or by "month", the newest first."""
        return sums(self.payments, kind)


class AsyncAccount:
    """The connected account."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    @property
    def address(self) -> Address:
        """Return the account's address."""
        return self._conn.address

    async def balance(self) -> Balance:
        """Return the account's money in wallet and escrow."""
        escrow = await self._conn.hub.account(self.address)
        wallet = await self._conn.hub.wallet_balance(self.address)
        return Balance(wallet=Amount(wallet), escrow=Amount(escrow.stake), locked=Amount(escrow.locked))

    async def deposit(self, how_much: Price) -> Balance:
        """Move money from the wallet into escrow, from which runs are paid."""
        await self._conn.hub.deposit(self._conn.wallet, int(amount(how_much)))
        return await self.balance()

    async def deposit_stake(self, worker: str, how_much: Price) -> Amount:
        """Move money from the wallet into the escrow of a worker; return what is free there.

        PoCo locks it as stake for each task without a TEE that the worker takes, and an open pool may demand it as a
        bond; only the worker can take it out.
        ``worker`` is an address or, on a local network, the name of a development account. Raises InputRefused for
        another receiver, OrderRefused if there is not enough; then nothing is sent.
        """
        conn, value = self._conn, amount(how_much)
        receiver = find_account(conn, worker)
        if receiver in {ZERO_ADDRESS, conn.network.hub, conn.network.token}:
            raise InputRefused(f"{receiver} is not a worker; nothing was sent.")
        wallet = (await self.balance()).wallet
        if not 0 < value <= wallet:
            raise OrderRefused(f"{value} cannot be deposited: the wallet has {wallet}; nothing was sent.")
        await conn.hub.deposit_for(conn.wallet, int(value), receiver)
        return Amount((await conn.hub.account(receiver)).stake)

    async def withdraw(self, how_much: Price | None = None) -> Balance:
        """Move money from escrow into the wallet; the whole available amount by default."""
        free = (await self.balance()).escrow
        value = free if how_much is None else amount(how_much)
        if value > free:
            raise OrderRefused(f"{value} cannot be withdrawn: {free} is free in escrow.")
        await self._conn.hub.withdraw(self._conn.wallet, int(value))
        return await self.balance()

    async def send(self, to: str, how_much: Price, *, from_escrow: bool = False) -> Balance:
        """Send money to the wallet of another account, from this account's wallet or escrow. It cannot be undone.

        ``to`` is an address or, on a local network, the name of a development account. Raises InputRefused for another
        receiver, OrderRefused if there is not enough; then nothing is sent.
        """
        conn, value = self._conn, amount(how_much)
        receiver = find_account(conn, to)
        if receiver in {ZERO_ADDRESS, conn.address, conn.network.hub, conn.network.token}:
            raise InputRefused(f"{receiver} is not another account; nothing was sent.")
        balance = await self.balance()
        available, where = (balance.escrow, "escrow") if from_escrow else (balance.wallet, "the wallet")
        if not 0 < value <= available:
            raise OrderRefused(f"{value} cannot be sent: {available} is free in {where}; nothing was sent.")
        if from_escrow:
            await conn.hub.withdraw_to(conn.wallet, int(value), receiver)
        else:
            await fund(conn.wallet, conn.network.token, receiver, int(value))
        return await self.balance()

    async def fund(self, how_much: Price = "1000") -> Balance:
        """Add test credits and gas to the wallet; only on a local or a test network, where they are worth nothing.

        Raises InputRefused on any other network, TooManyRequests above a limit of the network's faucet.
        """
        conn, value = self._conn, amount(how_much)
        if conn.network.faucet_url:
            async with HttpTransport(conn.network.faucet_url, name="the faucet") as transport:
                await FaucetClient(transport).fund(conn.address, int(value))
            return await self.balance()
        if not conn.network.folder:
            raise InputRefused(f"{conn.network.name!r} is not a local network: its RLC are bought, not handed out.")
        await conn.node.rpc("anvil_setBalance", conn.address, hex(_GAS))
        await fund(Wallet(conn.node, development_key("admin")), conn.network.token, conn.address, int(value))
        return await self.balance()

    async def earnings(self, *, states: bool = False) -> Earnings:
        """Return the payments of tasks to the account so far.

        With ``states``, the receipt of each task is verified, and the payment says how the task ended.
        """
        conn, hub = self._conn, interface("Hub")
        topics = [hub.topic("Reward"), hub.topic("Transfer")]
        head = (await conn.node.block()).number
        events = parse_events(await conn.node.logs(conn.hub.address, [topics], first=0, last=head))
        rewards = [event for event in events if isinstance(event, Reward) and event.account == self.address]
        paid = await payments_of(conn, [each for each in rewards if each.amount], states=states)
        total = sum(payment.amount for payment in paid)
        withdrawal = (self.address, ZERO_ADDRESS)
        transfers = [event for event in events if isinstance(event, Transfer)]
        gone = sum(event.amount for event in transfers if (event.sender, event.receiver) == withdrawal)
        free = (await self.balance()).escrow
        return Earnings(Amount(total), Amount(max(0, min(free, total - gone))), paid)

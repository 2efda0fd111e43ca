"""PoCo's hub: what it knows (at the head, or at a block's hash) and what it does for a wallet."""

from typing import Any, TypeVar

from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.broker import Broker
from sealgrid.chain.events import HubEvent, OrdersMatched, Reward, events_of
from sealgrid.chain.node import STRANGERS_GAS, Node
from sealgrid.chain.views import (
    AccountView,
    CategoryView,
    ContributionStatus,
    ContributionView,
    DealView,
    ResourceView,
    TaskPayment,
    TaskStatus,
    TaskView,
)
from sealgrid.chain.wallet import Wallet
from sealgrid.errors import ChainError, ContractReverted, NotFound
from sealgrid.poco.ids import task_id
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, Nrlc, TaskId, to_bytes, to_digest

_HUB = interface("Hub")
E = TypeVar("E", bound=HubEvent)


class Hub:
    """One hub on one chain. Reading methods take ``at``, a block's hash, to read one state consistently."""

    def __init__(self, node: Node, address: Address) -> None:
        self.node = node
        self.address = address

    # --- what it knows

    async def order_domain(self) -> OrderDomain:
        """Return the domain in which orders for this hub are signed."""
        return OrderDomain(chain=await self.node.chain(), hub=self.address)

    async def view_deal(self, deal: DealId, *, at: Digest | None = None) -> DealView:
        """Return a deal; raise NotFound for an unknown one."""
        found = await self._read("viewDeal", deal, at=at)
        view = _deal(deal, found)
        if view.app.pointer == ZERO_ADDRESS:
            raise NotFound(f"The hub knows no deal {deal}.")
        return view

    async def view_task(self, task: TaskId, *, at: Digest | None = None) -> TaskView:
        """Return a task; its status is UNSET when nobody initialised it."""
        return _task(await self._read("viewTask", task, at=at))

    async def view_contribution(self, task: TaskId, worker: Address, *, at: Digest | None = None) -> ContributionView:
        """Return a worker's contribution to a task; its status is UNSET when there is none."""
        status, result_hash, result_seal, enclave, weight = await self._read("viewContribution", task, worker, at=at)
        return ContributionView(
            status=ContributionStatus(status),
            result_hash=to_digest(result_hash),
            result_seal=to_digest(result_seal),
            enclave=enclave,
            weight=weight,
        )

    async def account(self, address: Address, *, at: Digest | None = None) -> AccountView:
        """Return what an account holds in escrow, in nRLC."""
        stake, locked = await self._read("viewAccount", address, at=at)
        return AccountView(stake=Nrlc(stake), locked=Nrlc(locked))

    async def view_consumed(self, order_hash: Digest, *, at: Digest | None = None) -> int:
        """Return how many uses of an order are gone; a cancelled order has none left."""
        return int(await self._read("viewConsumed", order_hash, at=at))

    async def view_presigned(self, order_hash: Digest, *, at: Digest | None = None) -> Address:
        """Return who signed an order on chain; zero when nobody did."""
        return Address(await self._read("viewPresigned", order_hash, at=at))

    async def verify_signature(
        self, account: Address, digest: Digest, signature: bytes, *, at: Digest | None = None
    ) -> bool:
        """Return whether PoCo takes a signature for an account's; one that has code is asked by ERC-1271.

        Such a contract has STRANGERS_GAS.
        """
        data = _HUB.call_data("verifySignature", account, to_bytes(digest, 32), signature)
        try:
            answer = await self.node.call(self.address, data, at=at, gas=STRANGERS_GAS, doing="Checking the signature")
        except ContractReverted:
            return False
        return bool(_HUB.decode("verifySignature", answer))

    async def view_category(self, category: int, *, at: Digest | None = None) -> CategoryView:
        """Return a category by number; raise ContractReverted for an unknown one."""
        return CategoryView(*await self._read("viewCategory", category, at=at))

    async def count_categories(self) -> int:
        """Return how many categories there are."""
        return int(await self._read("countCategory"))

    async def fits_in_bulk(self, order: DatasetOrder, deal: DealId, *, at: Digest | None = None) -> bool:
        """Return whether PoCo lets a deal without a dataset use a dataset by this order: signed, open, unrestricted.

        Neither its price nor its volume is looked at. A signer or a group that is a contract has STRANGERS_GAS.
        """
        data = _HUB.call_data("assertDatasetDealCompatibility", order_values(order), deal)
        return await self.node.accepts(
            self.address, data, gas=STRANGERS_GAS, at=at, doing="Asking the hub about a dataset of a bulk"
        )

    async def teebroker(self, *, at: Digest | None = None) -> Address:
        """Return who judges enclaves for this hub; zero when the pool's word alone counts."""
        return Address(await self._read("teebroker", at=at))

    async def token(self) -> Address:
        """Return the token that this hub pays in."""
        return Address(await self._read("token"))

    async def registries(self) -> tuple[Address, Address, Address]:
        """Return the registries of apps, datasets and workerpools."""
        names = ("appregistry", "datasetregistry", "workerpoolregistry")
        apps, datasets, pools = [Address(await self._read(name)) for name in names]
        return apps, datasets, pools

    async def payments(self, task: TaskId, *, since: int = 0) -> list[TaskPayment]:
        """Return whom a finished task paid, in the chain's order; empty for a task that is not finished.

        A refunded task pays nobody but PoCo's kitty, with the pool's stake. ``since`` is the first block to look at;
        public nodes limit how many they search.
        """
        ends = [_HUB.topic("TaskFinalize"), _HUB.topic("TaskClaimed")]
        head = (await self.node.block()).number
        found = await self.node.logs(self.address, [ends, bytes.fromhex(task[2:])], first=since, last=head)
        if not found:
            return []
        rewards = [
            event
            for event in events_of(await self.node.logs_of_block(self.address, found[-1].block_hash))
            if isinstance(event, Reward) and event.task == task and event.amount
        ]
        return [TaskPayment(account=reward.account, amount=reward.amount) for reward in rewards]

    async def wallet_balance(self, address: Address) -> Nrlc:
        """Return how much of the token an account holds outside escrow, in nRLC."""
        token = interface("Token")
        answer = await self.node.call(await self.token(), token.call_data("balanceOf", address))
        return Nrlc(int(token.decode("balanceOf", answer)))

    # --- what it does

    async def deposit(self, wallet: Wallet, amount: int) -> TransactionReceipt:
        """Move ``amount`` nRLC from the wallet into its escrow, in one transaction (approveAndCall)."""
        return await wallet.call(
            await self.token(), "Token", "approveAndCall", self.address, amount, b"", doing="Depositing into escrow"
        )

    async def deposit_for(self, wallet: Wallet, amount: int, account: Address) -> TransactionReceipt:
        """Move ``amount`` nRLC from the wallet into another account's escrow, a gate's for example."""
        doing = "Depositing for another account"
        await wallet.call(await self.token(), "Token", "approve", self.address, amount, doing=doing)
        return await self._do(wallet, "depositFor", amount, account, doing=doing)

    async def withdraw(self, wallet: Wallet, amount: int) -> TransactionReceipt:
        """Move ``amount`` nRLC from escrow back into the wallet."""
        return await self._do(wallet, "withdraw", amount, doing="Withdrawing from escrow")

    async def match_orders(
        self, wallet: Wallet, app: AppOrder, dataset: DatasetOrder, workerpool: WorkerpoolOrder, request: RequestOrder
    ) -> DealId:
        """Make a deal of four signed orders; anyone may send them, the requester pays from escrow."""
        return await self._match(wallet, "matchOrders", app, dataset, workerpool, request)

    async def sponsor_match_orders(
        self, wallet: Wallet, app: AppOrder, dataset: DatasetOrder, workerpool: WorkerpoolOrder, request: RequestOrder
    ) -> DealId:
        """Make a deal of four signed orders that the wallet pays from escrow; a refund goes back to it."""
        return await self._match(wallet, "sponsorMatchOrders", app, dataset, workerpool, request)

    async def _match(self, wallet: Wallet, function: str, *orders: Order) -> DealId:
        return _only(await self.send_match(wallet, *orders, function=function), OrdersMatched).deal

    async def send_match(self, wallet: Wallet, *orders: Order, function: str = "matchOrders") -> TransactionReceipt:
        """Send four signed orders, app, dataset, workerpool and request, without a look at what came of them."""
        values = [order_values(order) for order in orders]
        return await self._do(wallet, function, *values, doing="Matching the orders")

    async def initialize(self, wallet: Wallet, deal: DealId, index: int) -> TaskId:
        """Open a deal's task for contributions."""
        await self._do(wallet, "initialize", deal, index, doing="Initialising the task")
        return task_id(deal, index)

    async def contribute_and_finalize(
        self,
        wallet: Wallet,
        *,
        task: TaskId,
        result_digest: Digest,
        results: bytes,
        enclave: Address,
        enclave_signature: bytes,
        authorisation: bytes,
        callback: bytes = b"",
    ) -> TransactionReceipt:
        """Publish a result and get paid; the wallet is the worker. ``authorisation`` is what the broker judges.

        Raises ProofRefused with the number of the broker's check, or ContractReverted when PoCo itself says no.
        """
        arguments = (task, result_digest, results, callback, enclave, enclave_signature, authorisation)
        try:
            return await self._do(wallet, "contributeAndFinalize", *arguments, doing="Publishing the result")
        except ContractReverted:
            # PoCo gives no reason: ask who judges whether it was its no.
            if enclave != ZERO_ADDRESS and (judge := await self._judge(task)):
                await judge.assert_accepts(wallet.address, task, enclave, authorisation)
            raise

    async def _judge(self, task: TaskId) -> Broker | None:
        # Whom PoCo asks about this task's enclaves, when that is a contract of ours.
        try:
            asked = await self.teebroker()
            if asked == ZERO_ADDRESS:
                asked = (await self.view_deal((await self.view_task(task)).deal)).workerpool.owner
            judge = Broker(self.node, asked)
            await judge.vault_set()
        except (ChainError, NotFound):
            return None
        return judge

    async def claim(self, wallet: Wallet, task: TaskId) -> TransactionReceipt:
        """After the final deadline, give whoever paid its money back; anyone may."""
        return await self._do(wallet, "claim", task, doing="Claiming the refund")

    async def presign(self, wallet: Wallet, order: Order) -> TransactionReceipt:
        """Sign an order of the wallet's in a transaction: whatever its ``sign`` is, PoCo takes it for signed."""
        return await self._manage(wallet, order, 0, "Signing the order on the chain")

    async def cancel(self, wallet: Wallet, order: Order) -> TransactionReceipt:
        """Use up an order of the wallet's, so that it can never be matched again."""
        return await self._manage(wallet, order, 1, "Cancelling the order")

    async def _manage(self, wallet: Wallet, order: Order, operation: int, doing: str) -> TransactionReceipt:
        # OrderOperationEnum: 0 is SIGN, 1 is CLOSE; the wallet's transaction is authority enough.
        function = f"manage{type(order).__name__}"
        return await self._do(wallet, function, (order_values(order), operation, b""), doing=doing)

    async def _read(self, function: str, *arguments: object, at: Digest | None = None) -> Any:
        data = _HUB.call_data(function, *arguments)
        return _HUB.decode(
            function, await self.node.call(self.address, data, at=at, doing=f"Asking the hub for {function}")
        )

    async def _do(self, wallet: Wallet, function: str, *arguments: object, doing: str) -> TransactionReceipt:
        return await wallet.call(self.address, "Hub", function, *arguments, doing=doing)


def _only(receipt: TransactionReceipt, kind: type[E]) -> E:
    for event in events_of(receipt.logs):
        if isinstance(event, kind):
            return event
    raise ChainError(f"The transaction went through without its {kind.__name__} event.", money="")


def order_values(order: Order) -> tuple[Any, ...]:
    """Return an order as PoCo's ABI takes it, its signature last."""
    return (*(getattr(order, name) for _, name in order.TYPES), order.sign)


def _deal(deal: DealId, found: Any) -> DealView:
    app, dataset, workerpool, trust, category, tag, requester, beneficiary, callback, params, *numbers, sponsor = found
    start_time, bot_first, bot_size, worker_stake, ratio = numbers
    return DealView(
        deal=deal,
        app=ResourceView(*app),
        dataset=ResourceView(*dataset),
        workerpool=ResourceView(*workerpool),
        trust=trust,
        category=category,
        tag=to_digest(tag),
        requester=requester,
        beneficiary=beneficiary,
        callback=callback,
        params=params,
        start_time=start_time,
        bot_first=bot_first,
        bot_size=bot_size,
        worker_stake=Nrlc(worker_stake),
        scheduler_reward_ratio=ratio,
        sponsor=sponsor,
    )


def _task(found: Any) -> TaskView:
    status, deal, index, timeref, contribution, reveal, final, value, reveals, winners, contributors, *rest = found
    digest, results, _, callback = rest
    return TaskView(
        status=TaskStatus(status),
        deal=DealId(to_digest(deal)),
        index=index,
        timeref=timeref,
        contribution_deadline=contribution,
        reveal_deadline=reveal,
        final_deadline=final,
        consensus_value=to_digest(value),
        reveal_counter=reveals,
        winner_counter=winners,
        contributors=tuple(contributors),
        result_digest=to_digest(digest),
        results=results,
        results_callback=callback,
    )

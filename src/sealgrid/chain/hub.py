"""PoCo's hub: reads at the head or at a block's hash, and transactions of a wallet."""

from typing import Any

from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.chain.broker import Broker
from sealgrid.chain.events import OrdersMatched, Reward, parse_events
from sealgrid.chain.node import UNTRUSTED_CALL_GAS, Node
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
from sealgrid.poco.constants import GROUP_MEMBER_PURPOSE
from sealgrid.poco.ids import result_hash, result_seal, task_id
from sealgrid.poco.orders import AppOrder, DatasetOrder, Order, RequestOrder, WorkerpoolOrder
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, Nrlc, TaskId, to_bytes, to_digest

_HUB = interface("Hub")


class Hub:
    """One hub on one chain. Reading methods take ``at``, a block's hash, to read one state consistently."""

    def __init__(self, node: Node, address: Address) -> None:
        self.node = node
        self.address = address

    # --- reads

    async def order_domain(self) -> OrderDomain:
        """Return the EIP-712 domain of this hub's orders."""
        return OrderDomain(chain=await self.node.chain(), hub=self.address)

    async def view_deal(self, deal: DealId, *, at: Digest | None = None) -> DealView:
        """Return a deal; raise NotFound if it does not exist."""
        app, dataset, pool, trust, category, tag, requester, beneficiary, callback, params, *rest = await self._call(
            "viewDeal", deal, at=at
        )
        start_time, bot_first, bot_size, worker_stake, ratio, sponsor = rest
        view = DealView(
            deal=deal,
            app=ResourceView(*app),
            dataset=ResourceView(*dataset),
            workerpool=ResourceView(*pool),
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
        if view.app.pointer == ZERO_ADDRESS:
            raise NotFound(f"The hub has no deal {deal}.")
        return view

    async def view_task(self, task: TaskId, *, at: Digest | None = None) -> TaskView:
        """Return a task; its status is UNSET if it was not initialised."""
        status, deal, index, timeref, contribution, reveal, final, consensus, *rest = await self._call(
            "viewTask", task, at=at
        )
        reveals, winners, contributors, digest, results, _, callback = rest
        return TaskView(
            status=TaskStatus(status),
            deal=DealId(to_digest(deal)),
            index=index,
            timeref=timeref,
            contribution_deadline=contribution,
            reveal_deadline=reveal,
            final_deadline=final,
            consensus_value=to_digest(consensus),
            reveal_counter=reveals,
            winner_counter=winners,
            contributors=tuple(contributors),
            result_digest=to_digest(digest),
            results=results,
            results_callback=callback,
        )

    async def view_contribution(self, task: TaskId, worker: Address, *, at: Digest | None = None) -> ContributionView:
        """Return a worker's contribution to a task; its status is UNSET if there is none."""
        status, result_hash, result_seal, enclave, weight = await self._call("viewContribution", task, worker, at=at)
        return ContributionView(
            status=ContributionStatus(status),
            result_hash=to_digest(result_hash),
            result_seal=to_digest(result_seal),
            enclave=enclave,
            weight=weight,
        )

    async def view_score(self, worker: Address, *, at: Digest | None = None) -> int:
        """Return a worker's score, which grows with each accurate contribution to a replicated task."""
        return int(await self._call("viewScore", worker, at=at))

    async def account(self, address: Address, *, at: Digest | None = None) -> AccountView:
        """Return an account's balance in escrow, in nRLC."""
        stake, locked = await self._call("viewAccount", address, at=at)
        return AccountView(stake=Nrlc(stake), locked=Nrlc(locked))

    async def view_consumed(self, order_hash: Digest, *, at: Digest | None = None) -> int:
        """Return how much of an order's volume is consumed; a cancelled order is consumed completely."""
        return int(await self._call("viewConsumed", order_hash, at=at))

    async def view_presigned(self, order_hash: Digest, *, at: Digest | None = None) -> Address:
        """Return the account that presigned an order on chain; zero if none did."""
        return Address(await self._call("viewPresigned", order_hash, at=at))

    async def verify_signature(
        self, account: Address, digest: Digest, signature: bytes, *, at: Digest | None = None
    ) -> bool:
        """Return whether PoCo accepts a signature by an account, through ERC-1271 if it has code.

        The gas limit is UNTRUSTED_CALL_GAS.
        """
        data = _HUB.call_data("verifySignature", account, to_bytes(digest, 32), signature)
        try:
            answer = await self.node.call(
                self.address, data, at=at, gas=UNTRUSTED_CALL_GAS, action="Checking the signature"
            )
        except ContractReverted:
            return False
        return bool(_HUB.decode("verifySignature", answer))

    async def view_category(self, category: int, *, at: Digest | None = None) -> CategoryView:
        """Return a category by number; raise ContractReverted if it does not exist."""
        return CategoryView(*await self._call("viewCategory", category, at=at))

    async def count_categories(self) -> int:
        """Return the number of categories."""
        return int(await self._call("countCategory"))

    async def fits_in_bulk(self, order: DatasetOrder, deal: DealId, *, at: Digest | None = None) -> bool:
        """Return whether PoCo lets a deal without a dataset use a dataset by this order: signed, open, not restricted.

        PoCo ignores price and volume here. The gas limit is UNTRUSTED_CALL_GAS.
        """
        data = _HUB.call_data("assertDatasetDealCompatibility", order_values(order), deal)
        return await self.node.call_succeeds(
            self.address, data, gas=UNTRUSTED_CALL_GAS, at=at, action="Checking a dataset of a bulk deal"
        )

    async def is_member(self, group: Address, account: Address, *, at: Digest | None = None) -> bool:
        """Return whether PoCo accepts an account as a member of a group that an order names (ERC-734).

        As in SignatureVerifier: the hub calls ``keyHasPurpose`` with the left-padded account and purpose 4. Only the
        word 1 means yes; a revert, any other answer and an account without code mean no. PoCo uses STATICCALL: a group
        that writes during the call passes here and is refused at the match. Raises ServiceUnavailable if the node does
        not answer.
        """
        key = bytes(12) + to_bytes(account, 20)
        data = interface("AccessPolicy").call_data("keyHasPurpose", key, GROUP_MEMBER_PURPOSE)
        action = "Checking the membership of a group"
        try:
            answer = await self.node.call(
                group, data, at=at, sender=self.address, gas=UNTRUSTED_CALL_GAS, action=action
            )
        except ChainError:  # it reverted, ran out of gas, or has no code
            return False
        return len(answer) >= 32 and int.from_bytes(answer[:32], "big") == 1

    async def teebroker(self, *, at: Digest | None = None) -> Address:
        """Return the contract that checks enclaves' proofs; zero if the pool's signature is enough."""
        return Address(await self._call("teebroker", at=at))

    async def token(self) -> Address:
        """Return the token of this hub's payments."""
        return Address(await self._call("token"))

    async def registries(self) -> tuple[Address, Address, Address]:
        """Return the registries of apps, datasets and workerpools."""
        names = ("appregistry", "datasetregistry", "workerpoolregistry")
        apps, datasets, pools = [Address(await self._call(name)) for name in names]
        return apps, datasets, pools

    async def payments(self, task: TaskId, *, since: int = 0) -> list[TaskPayment]:
        """Return the payments of a finished task, in the chain's order; empty for a task that is not finished.

        A refunded task pays PoCo's kitty only, with the pool's stake. ``since`` is the first block of the search;
        public nodes limit its range.
        """
        ends = [_HUB.topic("TaskFinalize"), _HUB.topic("TaskClaimed")]
        head = (await self.node.block()).number
        logs = await self.node.logs(self.address, [ends, bytes.fromhex(task[2:])], first=since, last=head)
        if not logs:
            return []
        rewards = [
            event
            for event in parse_events(await self.node.logs_of_block(self.address, logs[-1].block_hash))
            if isinstance(event, Reward) and event.task == task and event.amount
        ]
        return [TaskPayment(account=reward.account, amount=reward.amount) for reward in rewards]

    async def wallet_balance(self, address: Address) -> Nrlc:
        """Return an account's balance of the token outside escrow, in nRLC."""
        token = interface("Token")
        answer = await self.node.call(await self.token(), token.call_data("balanceOf", address))
        return Nrlc(int(token.decode("balanceOf", answer)))

    # --- transactions

    async def deposit(self, wallet: Wallet, amount: int) -> TransactionReceipt:
        """Move ``amount`` nRLC from the wallet into its escrow, in one transaction (approveAndCall)."""
        return await wallet.call(
            await self.token(), "Token", "approveAndCall", self.address, amount, b"", action="Depositing into escrow"
        )

    async def deposit_for(self, wallet: Wallet, amount: int, account: Address) -> TransactionReceipt:
        """Move ``amount`` nRLC from the wallet into another account's escrow, for example a gate's."""
        action = "Depositing for another account"
        await wallet.call(await self.token(), "Token", "approve", self.address, amount, action=action)
        return await self._send(wallet, "depositFor", amount, account, action=action)

    async def withdraw(self, wallet: Wallet, amount: int) -> TransactionReceipt:
        """Move ``amount`` nRLC from escrow back into the wallet."""
        return await self._send(wallet, "withdraw", amount, action="Withdrawing from escrow")

    async def withdraw_to(self, wallet: Wallet, amount: int, account: Address) -> TransactionReceipt:
        """Move ``amount`` nRLC from the wallet's escrow into the wallet of another account."""
        return await self._send(wallet, "withdrawTo", amount, account, action="Sending from escrow")

    async def match_orders(
        self, wallet: Wallet, app: AppOrder, dataset: DatasetOrder, workerpool: WorkerpoolOrder, request: RequestOrder
    ) -> DealId:
        """Match four signed orders into a deal. Anyone may call this; the requester pays from escrow."""
        return await self._match(wallet, "matchOrders", app, dataset, workerpool, request)

    async def sponsor_match_orders(
        self, wallet: Wallet, app: AppOrder, dataset: DatasetOrder, workerpool: WorkerpoolOrder, request: RequestOrder
    ) -> DealId:
        """Match four signed orders into a deal that the wallet pays from escrow; a refund goes back to it."""
        return await self._match(wallet, "sponsorMatchOrders", app, dataset, workerpool, request)

    async def _match(self, wallet: Wallet, function: str, *orders: Order) -> DealId:
        receipt = await self.send_match(wallet, *orders, function=function)
        for event in parse_events(receipt.logs):
            if isinstance(event, OrdersMatched):
                return event.deal
        raise ChainError("The transaction succeeded without its OrdersMatched event.", money="")

    async def send_match(self, wallet: Wallet, *orders: Order, function: str = "matchOrders") -> TransactionReceipt:
        """Send the match of app, dataset, workerpool and request order, without reading the deal from its events."""
        values = [order_values(order) for order in orders]
        return await self._send(wallet, function, *values, action="Matching the orders")

    async def initialize(self, wallet: Wallet, deal: DealId, index: int) -> TaskId:
        """Open a deal's task for contributions."""
        await self._send(wallet, "initialize", deal, index, action="Initialising the task")
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
        """Publish a result and get paid. The wallet is the worker's; ``authorisation`` is the proof for the broker.

        Raises ProofRefused with the number of the broker's check, or ContractReverted if PoCo refuses.
        """
        arguments = (task, result_digest, results, callback, enclave, enclave_signature, authorisation)
        try:
            return await self._send(wallet, "contributeAndFinalize", *arguments, action="Publishing the result")
        except ContractReverted:
            # PoCo gives no reason: find out whether the broker or gate refused the proof.
            if enclave != ZERO_ADDRESS and (judge := await self._judge(task)):
                await judge.check_proof(wallet.address, task, enclave, authorisation)
            raise

    async def contribute(
        self, wallet: Wallet, task: TaskId, result_digest: Digest, authorisation: bytes
    ) -> TransactionReceipt:
        """Contribute a sealed result without an enclave, which locks the worker's stake. The wallet is the worker's."""
        sealed = result_seal(wallet.address, task, result_digest)
        arguments = (result_hash(task, result_digest), sealed, ZERO_ADDRESS, b"", authorisation)
        return await self._send(wallet, "contribute", task, *arguments, action="Contributing the result")

    async def reveal(self, wallet: Wallet, task: TaskId, result_digest: Digest) -> TransactionReceipt:
        """Reveal a contribution of the consensus. The wallet is the worker's."""
        return await self._send(wallet, "reveal", task, result_digest, action="Revealing the result")

    async def finalize(self, wallet: Wallet, task: TaskId, results: bytes) -> TransactionReceipt:
        """Finalise a task whose workers revealed, which pays everyone. The wallet is the owner's of the pool."""
        return await self._send(wallet, "finalize", task, results, b"", action="Finalising the task")

    async def reopen(self, wallet: Wallet, task: TaskId) -> TransactionReceipt:
        """Reopen a task of whose consensus nobody revealed in time. The wallet is the owner's of the pool."""
        return await self._send(wallet, "reopen", task, action="Reopening the task")

    async def _judge(self, task: TaskId) -> Broker | None:
        # The contract that checks this task's proofs, if it is a TeeBroker or PoolGate.
        try:
            address = await self.teebroker()
            if address == ZERO_ADDRESS:
                address = (await self.view_deal((await self.view_task(task)).deal)).workerpool.owner
            judge = Broker(self.node, address)
            await judge.vault_set()
        except (ChainError, NotFound):
            return None
        return judge

    async def claim(self, wallet: Wallet, task: TaskId) -> TransactionReceipt:
        """Refund a task after its final deadline. Anyone may call this."""
        return await self._send(wallet, "claim", task, action="Claiming the refund")

    async def claim_refund(self, wallet: Wallet, deal: DealId, index: int) -> TaskStatus:
        """Initialise a task if needed and claim its refund. Anyone may call this.

        Returns the task's status: FAILED, or COMPLETED if it was paid. Another account may initialise or claim the task
        meanwhile; that is not an error. Raises ContractReverted before the final deadline.
        """
        task = task_id(deal, index)
        status = (await self.view_task(task)).status
        while status not in (TaskStatus.COMPLETED, TaskStatus.FAILED):
            try:
                if status is TaskStatus.UNSET:
                    await self.initialize(wallet, deal, index)
                await self.claim(wallet, task)
            except ContractReverted:
                before, status = status, (await self.view_task(task)).status
                if status is before:  # no other account changed it: the refusal is final
                    raise
            else:
                return TaskStatus.FAILED
        return status

    async def presign(self, wallet: Wallet, order: Order) -> TransactionReceipt:
        """Sign an order of the wallet in a transaction; PoCo then ignores its ``sign``."""
        return await self._manage(wallet, order, 0, "Signing the order on the chain")

    async def cancel(self, wallet: Wallet, order: Order) -> TransactionReceipt:
        """Close an order of the wallet, so it can never be matched again."""
        return await self._manage(wallet, order, 1, "Cancelling the order")

    async def _manage(self, wallet: Wallet, order: Order, operation: int, action: str) -> TransactionReceipt:
        # OrderOperationEnum: 0 is SIGN, 1 is CLOSE. PoCo accepts the owner's transaction without a signature.
        function = f"manage{type(order).__name__}"
        return await self._send(wallet, function, (order_values(order), operation, b""), action=action)

    async def _call(self, function: str, *arguments: object, at: Digest | None = None) -> Any:
        data = _HUB.call_data(function, *arguments)
        return _HUB.decode(
            function, await self.node.call(self.address, data, at=at, action=f"Reading {function} from the hub")
        )

    async def _send(self, wallet: Wallet, function: str, *arguments: object, action: str) -> TransactionReceipt:
        return await wallet.call(self.address, "Hub", function, *arguments, action=action)


def order_values(order: Order) -> tuple[Any, ...]:
    """Return an order's values in the order of PoCo's ABI, its signature last."""
    return (*(getattr(order, name) for _, name in order.TYPES), order.sign)

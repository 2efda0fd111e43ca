"""Read the chain for a vault: every question about one decision is asked at the hash of one confirmed block.

By hash, not by number: a node that changed its mind about a block answers with an error, never with a mixture. Which
block is the confirmed one is asked for every decision; what was read at it is kept as long as it is the newest.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from eth_abi.abi import encode

from sealgrid.attestation.facts import RequesterSignature
from sealgrid.chain.assets import Assets
from sealgrid.chain.blocks import Block, Confirmation
from sealgrid.chain.broker import Broker
from sealgrid.chain.hub import Hub
from sealgrid.chain.matches import dataset_order_hash
from sealgrid.chain.node import UNTRUSTED_CALL_GAS
from sealgrid.chain.pool_gate import pool_signer
from sealgrid.chain.views import ContributionView, DealView, ResourceView, TaskStatus, TaskView
from sealgrid.errors import ChainError, InputRefused, NodesDisagree, NotFound, ReleaseRefused
from sealgrid.poco.constants import FINAL_DEADLINE_RATIO
from sealgrid.poco.ids import deal_id
from sealgrid.poco.orders import DatasetOrder
from sealgrid.units import ZERO_ADDRESS, Address, DealId, Digest, Nrlc, TaskId
from sealgrid.vault.chain.block_cache import BlockCache
from sealgrid.vault.chain.snapshot import AppOnChain, ChainSnapshot, DatasetOnChain, DealSnapshot
from sealgrid.vault.checks.bulk import MOST_SECONDS, BulkOffer
from sealgrid.vault.federation import VaultFederation
from sealgrid.wire.preview import Proposal

MOST_DEALS = 100  #: of one request order, that are looked at for when its input may go
_FOR_EVER = 1 << 62
_ERC1271 = bytes.fromhex("1626ba7e")  #: selector of isValidSignature(bytes32,bytes), and its answer for yes

T = TypeVar("T")


class ChainReader:
    """One vault's eyes on one hub.

    Raises NodesDisagree when the vault's nodes differ (``sealgrid.chain.node``), or (chain.4) when the newest block
    that all of them call confirmed is older than the chain's rule has it.
    """

    def __init__(self, hub: Hub, broker: Address, *, confirmation: Confirmation, clock: Callable[[], int]) -> None:
        self._hub, self._assets, self._broker = hub, Assets(hub), Broker(hub.node, broker)
        self._confirmation, self._clock = confirmation, clock
        self._memory = BlockCache()

    async def expect(self, federation: VaultFederation, genesis: Digest) -> None:
        """Raise InputRefused unless chain and broker are the ones that this vault was set up for.

        A federation that was in force once will do: its vaults open what was paid for in their time, release no more.
        """
        node = self._hub.node
        chain, first = await asyncio.gather(node.chain(), node.genesis())
        if (chain, first) != (federation.chain, genesis):
            raise InputRefused("the node serves another chain than the one that this vault belongs to.")
        at = (await node.block()).hash
        # The federation's name covers the hub, the threshold and every vault.
        if not await self._broker.listed(federation.vault_set, federation.us, at=at):
            raise InputRefused("the broker never listed this vault's federation, or serves another hub.")

    async def task(
        self,
        task: TaskId,
        *,
        runtime: Digest | None = None,
        worker: Address | None = None,
        pool_word: tuple[bytes, bytes] | None = None,
    ) -> ChainSnapshot:
        """Return all about a task at one confirmed block; raise NotFound for a task that nobody initialised.

        ``runtime`` asks the broker about it too, ``worker`` for that worker's contribution, ``pool_word`` (digest,
        signature) a pool's speaker that is a contract whether it signed.
        """
        block = await self._confirmed()
        at = block.hash
        view = await self._once(at, lambda: self._hub.view_task(task, at=at), "task", task)
        if view.status is TaskStatus.UNSET:
            raise NotFound("the chain knows no such task; its pool must initialise it first.")
        deal, broker, vault_set, allowed, contribution = await asyncio.gather(
            self._once(at, lambda: self._hub.view_deal(view.deal, at=at), "deal", view.deal),
            self._once(at, lambda: self._hub.teebroker(at=at), "broker"),
            self._once(at, lambda: self._broker.vault_set(at=at), "federation"),
            self._runtime_allowed(runtime, at),
            self._contribution(task, worker, at),
        )
        app = deal.app.pointer
        speaker = await self._pool_speaker(deal.workerpool.owner, at)
        checksum, app_owner, dataset, agrees = await asyncio.gather(
            self._once(at, lambda: self._assets.checksum("App", app, at=at), "checksum", app),
            self._owner(app, at),
            self._dataset(deal.dataset.pointer, at),
            self._pool_contract(speaker, pool_word, at),
        )
        return ChainSnapshot(
            block=block.number,
            block_hash=at,
            time=block.timestamp,
            broker=broker,
            vault_set=vault_set,
            pool_speaker=speaker,
            task_id=task,
            task=view,
            deal=deal,
            app_checksum=checksum,
            app_owner=app_owner,
            dataset=dataset,
            runtime_allowed=allowed,
            contribution=contribution,
            pool_contract_agrees=agrees,
        )

    async def tasks(self, tasks: Sequence[TaskId], *, at: Digest) -> list[TaskView]:
        """Return tasks as a block has them, those that nobody initialised with status UNSET."""
        return await asyncio.gather(*(self._hub.view_task(task, at=at) for task in tasks))

    async def task_and_deal(self, task: TaskId) -> tuple[Block, TaskView, DealView | None]:
        """Return a task and its deal at the confirmed block; no deal for a task that nobody initialised."""
        block = await self._confirmed()
        view = await self._hub.view_task(task, at=block.hash)
        unset = view.status is TaskStatus.UNSET
        return block, view, None if unset else await self._hub.view_deal(view.deal, at=block.hash)

    async def matched_dataset_order(self, snapshot: ChainSnapshot, block: int) -> Digest | None:
        """Return the hash of the dataset order that a deal was matched from, by the hub's event in this very block.

        None where the block holds no such event, or is not confirmed: after the block of the snapshot.
        """
        if not 0 <= block <= snapshot.block:
            return None
        at = (await self._hub.node.block(block)).hash
        deal = snapshot.deal.deal
        return await self._once(at, lambda: dataset_order_hash(self._hub, deal, at), "matched", deal)

    async def vouches(
        self, requester: Address, order: Digest, signature: bytes, *, at: Digest
    ) -> RequesterSignature | None:
        """Return how the chain vouches for an order that its requester's key did not sign; None where it does not."""
        if await self._hub.view_presigned(order, at=at) == requester:
            return "presigned"
        if await self._hub.verify_signature(requester, order, signature, at=at):
            return "contract"
        return None

    async def offered(self, snapshot: ChainSnapshot, orders: Sequence[DatasetOrder], block: int) -> list[BulkOffer]:
        """Return what the chain says of the orders of a bulk at a block that whoever asks all vaults has chosen.

        Raises ReleaseRefused (7.17) unless it is confirmed, at most MOST_SECONDS older than the snapshot, and the task
        stood in it already: where the hub does not know the deal yet, it lets it use nothing.
        """
        named = await self._hub.node.block(block) if 0 <= block <= snapshot.block else None
        if named is None or named.timestamp < snapshot.time - MOST_SECONDS:
            raise ReleaseRefused(
                "7.17",
                f"the block at which the bulk is asked for is not confirmed, or older than {MOST_SECONDS} seconds.",
            )
        task = await self._hub.view_task(snapshot.task_id, at=named.hash)
        if task.status is TaskStatus.UNSET:
            raise ReleaseRefused("7.17", "the block at which the bulk is asked for is from before the task began.")
        return await asyncio.gather(*(self._offered(order, snapshot.deal.deal, named.hash) for order in orders))

    async def time(self) -> int:
        """Return the time that deals are compared with: our clock, or a local chain's where that one is ahead.

        Public chains keep to the clock, and are not asked: an owner's word must not wait for them.
        """
        if self._confirmation.max_age is not None:
            return self._clock()
        return max(self._clock(), (await self._confirmed()).timestamp)

    async def proposed(self, proposal: Proposal) -> DealSnapshot:
        """Return what one confirmed block says of the parties of a deal that does not exist yet."""
        block = await self._confirmed()
        at, app, pool = block.hash, proposal.app, proposal.workerpool
        broker, vault_set, checksum, app_owner, pool_owner, dataset = await asyncio.gather(
            self._once(at, lambda: self._hub.teebroker(at=at), "broker"),
            self._once(at, lambda: self._broker.vault_set(at=at), "federation"),
            self._once(at, lambda: self._assets.checksum("App", app, at=at), "checksum", app),
            self._owner(app, at),
            self._owner(pool, at),
            self._dataset(proposal.dataset, at),
        )
        free = Nrlc(0)  # no check of a proposal is about money
        # Made now, not when that block was: what came since, a release will find older than the deal.
        deal = DealView(
            deal=deal_id(proposal.request, 0),
            app=ResourceView(app, app_owner, free),
            dataset=ResourceView(proposal.dataset, dataset.owner if dataset else ZERO_ADDRESS, free),
            workerpool=ResourceView(pool, pool_owner, free),
            trust=max(1, proposal.trust),
            category=0,
            tag=proposal.tag,
            requester=proposal.requester,
            beneficiary=proposal.beneficiary,
            callback=proposal.callback,
            params=proposal.params,
            start_time=max(block.timestamp, self._clock()),
            bot_first=0,
            bot_size=proposal.tasks,
            worker_stake=free,
            scheduler_reward_ratio=0,
            sponsor=proposal.requester,
        )
        return DealSnapshot(
            block=block.number,
            block_hash=at,
            time=block.timestamp,
            broker=broker,
            vault_set=vault_set,
            deal=deal,
            app_checksum=checksum,
            app_owner=app_owner,
            dataset=dataset,
        )

    async def asset(self, address: Address) -> DatasetOnChain | AppOnChain | None:
        """Return a dataset or an app with its present owner, None for whatever the hub has as neither."""
        at = (await self._confirmed()).hash
        if await self._assets.is_registered("Dataset", address, at=at):
            return await self._dataset(address, at)
        if await self._assets.is_registered("App", address, at=at):
            return AppOnChain(address=address, owner=await self._owner(address, at))
        return None

    async def needed_until(self, requests: Sequence[Digest]) -> int:
        """Return the latest final deadline of the deals of these request orders, in Unix seconds; 0 without a deal.

        An order that was matched more than MOST_DEALS times is needed for ever: nobody reads more of them here.
        """
        at = (await self._confirmed()).hash
        return max([await self._last_deadline(request, at) for request in requests], default=0)

    async def _last_deadline(self, request: Digest, at: Digest) -> int:
        consumed, first, last = await self._hub.view_consumed(request, at=at), 0, 0
        for _ in range(MOST_DEALS):
            if first >= consumed:
                return last
            try:
                deal = await self._hub.view_deal(deal_id(request, first), at=at)
            except NotFound:
                return last  # the order was cancelled: what it had left counts as consumed
            timeref = await self._timeref(deal.category, at)
            last = max(last, deal.start_time + FINAL_DEADLINE_RATIO * timeref)
            first += deal.bot_size
        return _FOR_EVER

    async def _timeref(self, category: int, at: Digest) -> int:
        view = await self._once(at, lambda: self._hub.view_category(category, at=at), "category", category)
        return view.timeref

    async def _confirmed(self) -> Block:
        block, max_age = await self._hub.node.confirmed_block(self._confirmation.block), self._confirmation.max_age
        if max_age is not None and block.timestamp < self._clock() - max_age:
            raise NodesDisagree("chain.4", f"the newest confirmed block is older than {max_age} seconds; ask later.")
        return block

    async def _once(self, at: Digest, read: Callable[[], Awaitable[T]], *question: object) -> T:
        return await self._memory.once(at, question, read)

    async def _owner(self, asset: Address, at: Digest) -> Address:
        return await self._once(at, lambda: self._assets.owner(asset, at=at), "owner", asset)

    async def _dataset(self, address: Address, at: Digest) -> DatasetOnChain | None:
        if address == ZERO_ADDRESS:
            return None
        owner, checksum = await asyncio.gather(
            self._owner(address, at),
            self._once(at, lambda: self._assets.checksum("Dataset", address, at=at), "sealed", address),
        )
        return DatasetOnChain(address=address, owner=owner, checksum=checksum)

    async def _offered(self, order: DatasetOrder, deal: DealId, at: Digest) -> BulkOffer:
        if not await self._assets.is_registered("Dataset", order.dataset, at=at):
            return BulkOffer(order, None, fits=False)
        # Not remembered: whoever asks chose the block, and what is known of the newest ones must stay.
        owner, checksum, fits = await asyncio.gather(
            self._assets.owner(order.dataset, at=at),
            self._assets.checksum("Dataset", order.dataset, at=at),
            self._hub.fits_in_bulk(order, deal, at=at),
        )
        return BulkOffer(order, DatasetOnChain(address=order.dataset, owner=owner, checksum=checksum), fits=fits)

    async def _runtime_allowed(self, runtime: Digest | None, at: Digest) -> bool:
        if runtime is None:
            return False
        return await self._once(at, lambda: self._broker.runtime_allowed(runtime, at=at), "runtime", runtime)

    async def _contribution(self, task: TaskId, worker: Address | None, at: Digest) -> ContributionView | None:
        return None if worker is None else await self._hub.view_contribution(task, worker, at=at)

    async def _pool_speaker(self, owner: Address, at: Digest) -> Address:
        node, gate = self._hub.node, self._broker.address
        return await self._once(at, lambda: pool_signer(node, owner, gate, at=at), "speaker", owner)

    async def _pool_contract(self, owner: Address, word: tuple[bytes, bytes] | None, at: Digest) -> bool | None:
        node = self._hub.node
        if word is None or not await self._once(at, lambda: node.code(owner, at=at), "code", owner):
            return None
        try:
            asked = _ERC1271 + encode(["bytes32", "bytes"], word)
            answer = await node.call(owner, asked, at=at, gas=UNTRUSTED_CALL_GAS)
        except ChainError:  # It refuses by reverting, too.
            return False
        return answer == _ERC1271.ljust(32, b"\0")

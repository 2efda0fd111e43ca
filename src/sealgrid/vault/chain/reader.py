"""Reads the chain for a vault: all reads for one decision are at the hash of one confirmed block.

Reads by hash instead of number: after a reorganisation a node returns an error, never a mixture of two blocks. Each
decision reads the number of the confirmed block anew; reads at the newest blocks are cached.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
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
from sealgrid.vault.checks.bulk import MAX_AGE_SECONDS, BulkOffer
from sealgrid.vault.federation import VaultFederation
from sealgrid.wire.preview import Proposal

MAX_DEALS = 100  #: deals of one request order that are read to decide whether its input has expired
_NEVER = 1 << 62
_ERC1271 = bytes.fromhex("1626ba7e")  #: selector and magic value of isValidSignature(bytes32,bytes)

T = TypeVar("T")


class ChainReader:
    """Reads one hub for one vault.

    Raises NodesDisagree if the vault's nodes differ (``sealgrid.chain.node``), or (chain.4) if the newest block that
    all of them consider confirmed is older than the chain's rule permits.
    """

    def __init__(self, hub: Hub, broker: Address, *, confirmation: Confirmation, clock: Callable[[], int]) -> None:
        self._hub, self._assets, self._broker = hub, Assets(hub), Broker(hub.node, broker)
        self._confirmation, self._clock = confirmation, clock
        self._cache = BlockCache()

    async def check_network(self, federation: VaultFederation, genesis: Digest) -> None:
        """Raise InputRefused unless chain and broker are the configured ones.

        A former federation passes: its vaults still open results that were paid in their time, but release no keys.
        """
        node = self._hub.node
        chain, first = await asyncio.gather(node.chain(), node.genesis())
        if (chain, first) != (federation.chain, genesis):
            raise InputRefused("the node serves another chain than the one that this vault belongs to.")
        at = (await node.block()).hash
        # The federation's digest covers the hub, the threshold and every vault.
        if not await self._broker.listed(federation.vault_set, federation.own_address, at=at):
            raise InputRefused("the broker never listed this vault's federation, or serves another hub.")

    async def task(
        self,
        task: TaskId,
        *,
        runtime: Digest | None = None,
        worker: Address | None = None,
        pool_signature: tuple[bytes, bytes] | None = None,
    ) -> ChainSnapshot:
        """Return the state of a task at one confirmed block; raise NotFound for an uninitialised task.

        ``runtime``: also read whether the broker allows it. ``worker``: also read its contribution.
        ``pool_signature`` (digest, signature): also verify it by ERC-1271 if the pool signer is a contract.
        """
        block = await self._confirmed()
        at = block.hash
        view = await self._cached(at, lambda: self._hub.view_task(task, at=at), "task", task)
        if view.status is TaskStatus.UNSET:
            raise NotFound("the chain knows no such task; its pool must initialise it first.")
        deal, broker, vault_set, allowed, contribution = await asyncio.gather(
            self._cached(at, lambda: self._hub.view_deal(view.deal, at=at), "deal", view.deal),
            self._cached(at, lambda: self._hub.teebroker(at=at), "broker"),
            self._cached(at, lambda: self._broker.vault_set(at=at), "federation"),
            self._runtime_allowed(runtime, at),
            self._contribution(task, worker, at),
        )
        app = deal.app.pointer
        owner, gate = deal.workerpool.owner, self._broker.address
        read_signer = partial(pool_signer, self._hub.node, owner, gate, at=at)
        signer = await self._cached(at, read_signer, "pool signer", owner)
        checksum, app_owner, dataset, agrees = await asyncio.gather(
            self._cached(at, lambda: self._assets.checksum("App", app, at=at), "checksum", app),
            self._owner(app, at),
            self._dataset(deal.dataset.pointer, at),
            self._verify_contract_signature(signer, pool_signature, at),
        )
        return ChainSnapshot(
            block=block.number,
            block_hash=at,
            time=block.timestamp,
            broker=broker,
            vault_set=vault_set,
            pool_signer=signer,
            task_id=task,
            task=view,
            deal=deal,
            app_checksum=checksum,
            app_owner=app_owner,
            dataset=dataset,
            runtime_allowed=allowed,
            contribution=contribution,
            pool_contract_accepts=agrees,
        )

    async def tasks(self, tasks: Sequence[TaskId], *, at: Digest) -> list[TaskView]:
        """Return tasks at a block; uninitialised ones have status UNSET."""
        return await asyncio.gather(*(self._hub.view_task(task, at=at) for task in tasks))

    async def task_and_deal(self, task: TaskId) -> tuple[Block, TaskView, DealView | None]:
        """Return a task and its deal at the confirmed block; None as deal of an uninitialised task."""
        block = await self._confirmed()
        view = await self._hub.view_task(task, at=block.hash)
        unset = view.status is TaskStatus.UNSET
        return block, view, None if unset else await self._hub.view_deal(view.deal, at=block.hash)

    async def matched_order_hash(self, snapshot: ChainSnapshot, block: int) -> Digest | None:
        """Return the hash of the dataset order that a deal was matched from, by the hub's event in this block.

        None if the block has no such event or is later than the snapshot's confirmed block.
        """
        if not 0 <= block <= snapshot.block:
            return None
        at = (await self._hub.node.block(block)).hash
        deal = snapshot.deal.deal
        return await self._cached(at, lambda: dataset_order_hash(self._hub, deal, at), "matched", deal)

    async def order_signature_kind(
        self, requester: Address, order: Digest, signature: bytes, *, at: Digest
    ) -> RequesterSignature | None:
        """Return how the chain authorises an order that the requester's key did not sign; None if it does not."""
        if await self._hub.view_presigned(order, at=at) == requester:
            return "presigned"
        if await self._hub.verify_signature(requester, order, signature, at=at):
            return "contract"
        return None

    async def bulk_offers(self, snapshot: ChainSnapshot, orders: Sequence[DatasetOrder], block: int) -> list[BulkOffer]:
        """Return the orders of a bulk with their chain state at ``block``, which the worker chose for all vaults.

        Raises ReleaseRefused (7.17) unless the block is confirmed, at most MAX_AGE_SECONDS older than the snapshot, and
        already has the task: before its deal exists, the hub allows it no dataset.
        """
        named = await self._hub.node.block(block) if 0 <= block <= snapshot.block else None
        if named is None or named.timestamp < snapshot.time - MAX_AGE_SECONDS:
            raise ReleaseRefused(
                "7.17",
                f"the block named for the bulk is not confirmed, or older than {MAX_AGE_SECONDS} seconds.",
            )
        task = await self._hub.view_task(snapshot.task_id, at=named.hash)
        if task.status is TaskStatus.UNSET:
            raise ReleaseRefused("7.17", "the block named for the bulk is from before the task began.")
        return await asyncio.gather(*(self._bulk_offer(order, snapshot.deal.deal, named.hash) for order in orders))

    async def time(self) -> int:
        """Return the time to compare with deals: the vault's clock, or a local chain's time if that is ahead.

        Public chains follow the clock and are not read, so owners' requests do not depend on them.
        """
        if self._confirmation.max_age is not None:
            return self._clock()
        return max(self._clock(), (await self._confirmed()).timestamp)

    async def proposed_deal(self, proposal: Proposal) -> DealSnapshot:
        """Return the snapshot of a proposed deal: its parties at one confirmed block."""
        block = await self._confirmed()
        at, app, pool = block.hash, proposal.app, proposal.workerpool
        broker, vault_set, checksum, app_owner, pool_owner, dataset = await asyncio.gather(
            self._cached(at, lambda: self._hub.teebroker(at=at), "broker"),
            self._cached(at, lambda: self._broker.vault_set(at=at), "federation"),
            self._cached(at, lambda: self._assets.checksum("App", app, at=at), "checksum", app),
            self._owner(app, at),
            self._owner(pool, at),
            self._dataset(proposal.dataset, at),
        )
        free = Nrlc(0)  # no check depends on a proposal's prices
        # The deal would be made now, so everything recorded since that block is older than the deal.
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
        """Return a dataset or an app with its current owner, None for an address that is neither."""
        at = (await self._confirmed()).hash
        if await self._assets.is_registered("Dataset", address, at=at):
            return await self._dataset(address, at)
        if await self._assets.is_registered("App", address, at=at):
            return AppOnChain(address=address, owner=await self._owner(address, at))
        return None

    async def last_deadline(self, requests: Sequence[Digest]) -> int:
        """Return the latest final deadline of the deals of these request orders, in Unix seconds; 0 without a deal.

        An order with more than MAX_DEALS deals never expires, which bounds the reads.
        """
        at = (await self._confirmed()).hash
        return max([await self._last_deadline_of_order(request, at) for request in requests], default=0)

    async def _last_deadline_of_order(self, request: Digest, at: Digest) -> int:
        consumed, first, last = await self._hub.view_consumed(request, at=at), 0, 0
        for _ in range(MAX_DEALS):
            if first >= consumed:
                return last
            try:
                deal = await self._hub.view_deal(deal_id(request, first), at=at)
            except NotFound:
                return last  # a cancelled order: its remaining volume counts as consumed
            category = deal.category
            view = await self._cached(at, partial(self._hub.view_category, category, at=at), "category", category)
            last = max(last, deal.start_time + FINAL_DEADLINE_RATIO * view.timeref)
            first += deal.bot_size
        return _NEVER

    async def _confirmed(self) -> Block:
        block, oldest = await self._hub.node.confirmed_block(self._confirmation.block), self._confirmation.max_age
        if oldest is not None and block.timestamp < self._clock() - oldest:
            raise NodesDisagree(
                "chain.4", f"the newest confirmed block is older than {oldest} seconds; try again later."
            )
        return block

    async def _cached(self, at: Digest, read: Callable[[], Awaitable[T]], *query: object) -> T:
        return await self._cache.get(at, query, read)

    async def _owner(self, asset: Address, at: Digest) -> Address:
        return await self._cached(at, lambda: self._assets.owner(asset, at=at), "owner", asset)

    async def _dataset(self, address: Address, at: Digest) -> DatasetOnChain | None:
        if address == ZERO_ADDRESS:
            return None
        owner, checksum = await asyncio.gather(
            self._owner(address, at),
            self._cached(at, lambda: self._assets.checksum("Dataset", address, at=at), "sealed", address),
        )
        return DatasetOnChain(address=address, owner=owner, checksum=checksum)

    async def _bulk_offer(self, order: DatasetOrder, deal: DealId, at: Digest) -> BulkOffer:
        if not await self._assets.is_registered("Dataset", order.dataset, at=at):
            return BulkOffer(order, None, fits=False)
        # Not cached: the worker chose the block, and it must not displace the newest ones.
        owner, checksum, fits = await asyncio.gather(
            self._assets.owner(order.dataset, at=at),
            self._assets.checksum("Dataset", order.dataset, at=at),
            self._hub.fits_in_bulk(order, deal, at=at),
        )
        return BulkOffer(order, DatasetOnChain(address=order.dataset, owner=owner, checksum=checksum), fits=fits)

    async def _runtime_allowed(self, runtime: Digest | None, at: Digest) -> bool:
        if runtime is None:
            return False
        return await self._cached(at, lambda: self._broker.runtime_allowed(runtime, at=at), "runtime", runtime)

    async def _contribution(self, task: TaskId, worker: Address | None, at: Digest) -> ContributionView | None:
        return None if worker is None else await self._hub.view_contribution(task, worker, at=at)

    async def _verify_contract_signature(
        self, signer: Address, signature: tuple[bytes, bytes] | None, at: Digest
    ) -> bool | None:
        node = self._hub.node
        if signature is None or not await self._cached(at, lambda: node.code(signer, at=at), "code", signer):
            return None
        try:
            call = _ERC1271 + encode(["bytes32", "bytes"], signature)
            result = await node.call(signer, call, at=at, gas=UNTRUSTED_CALL_GAS)
        except ChainError:  # a revert also means no
            return False
        return result == _ERC1271.ljust(32, b"\0")

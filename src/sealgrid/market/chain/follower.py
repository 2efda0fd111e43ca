"""Follows the hub and its registries; updates ledger, order book and deals."""

import asyncio
import logging
import time
from typing import Final, NoReturn

from sealgrid.chain.events import OrdersMatched
from sealgrid.chain.follower import BlocksApplied, Change, HubFollower
from sealgrid.chain.hub import Hub
from sealgrid.chain.new_blocks import NewBlocks
from sealgrid.errors import ChainError, ChainReplaced, CheckFailed, NotFound, ServiceUnavailable
from sealgrid.market.book.order_book import OrderBook
from sealgrid.market.chain.ledger import ChainLedger
from sealgrid.market.chain.shared_read import SharedRead
from sealgrid.market.chain.store import MarketChainStore
from sealgrid.market.feed.events import DealCreated, Notify
from sealgrid.market.serialization import deal_document
from sealgrid.poco import typed_data
from sealgrid.poco.matching import Registry
from sealgrid.units import Address, Digest
from sealgrid.wire.message import encode

_log = logging.getLogger("sealgrid")
_RETRY_SECONDS: Final = 1.0  #: pause after a failed read of the chain


class MarketChainFollower:
    """The market's view of one hub; call ``open``, then ``run``.

    ``notify`` is called with the events of open orders and deals.
    """

    def __init__(
        self,
        hub: Hub,
        registries: dict[Address, Registry],
        store: MarketChainStore,
        notify: Notify,
        *,
        first: int,
        chain: int,
    ) -> None:
        self._hub, self._registries, self._store, self._first = hub, registries, store, first
        self._chain, self.deals, self._notify = chain, store.deals, notify
        self.ledger = ChainLedger(registries, store.facts(), store.undo())
        self.book = OrderBook(self.ledger)
        self._follower = self._new_follower()
        self._sync_lock = asyncio.Lock()
        self._head = SharedRead(self._sync_with_head, clock=time.monotonic)
        self._code: tuple[Digest | None, dict[Address, bool]] = (None, {})  #: which accounts have code, at one block
        self._times: dict[Digest, int] = {}

    @classmethod
    async def open(cls, hub: Hub, store: MarketChainStore, notify: Notify, *, first: int) -> "MarketChainFollower":
        """Return the stored view; the registries are read from the hub."""
        apps, datasets, pools = await hub.registries()
        registries: dict[Address, Registry] = {apps: "App", datasets: "Dataset", pools: "Workerpool"}
        return cls(hub, registries, store, notify, first=first, chain=await hub.node.chain())

    @property
    def block(self) -> int:
        """Return the number of the newest block that was read; -1 before the first."""
        tip = self._follower.trail.tip
        return tip.number if tip else -1

    async def run(self, new_blocks: NewBlocks, *, every: float) -> NoReturn:
        """Sync at each new block, or every ``every`` seconds, until cancelled."""
        while True:
            try:
                await self.sync()
                await new_blocks.wait(every)
            except (ChainError, CheckFailed, ServiceUnavailable) as error:
                _log.warning("the chain could not be read: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def sync(self) -> None:
        """Read up to the newest block and complete new deals."""
        async with self._sync_lock:
            while (change := await self._step()) is not None:
                self._apply(change)
            await self._complete_deals()

    async def catch_up(self) -> None:
        """Read up to the block that was the chain's head when this was called, or a newer one.

        A client that saw its transaction in a block finds it here, too. Concurrent calls share one request to the node.
        """
        await self._head.wait()

    async def is_signed_by(self, account: Address, digest: Digest, signature: bytes) -> bool:
        """Return whether PoCo accepts an account's signature of a digest: by key, or by ERC-1271 for contracts."""
        tip = self._follower.trail.tip
        block = tip.hash if tip else None
        if self._code[0] != block:
            self._code = (block, {})
        has_code = self._code[1]
        if account not in has_code:
            has_code[account] = bool(await self._hub.node.code(account))
        if not has_code[account]:
            return typed_data.is_signed_by(account, digest, signature)
        return await self._hub.verify_signature(account, digest, signature)

    async def is_presigned_by(self, account: Address, digest: Digest) -> bool:
        """Return whether an account presigned an order on chain, in a block that this market has read."""
        return self.ledger.presigned(digest) and await self._hub.view_presigned(digest) == account

    async def time_of(self, number: int, block: Digest) -> int:
        """Return a block's Unix seconds."""
        if block not in self._times:
            self._times[block] = (await self._hub.node.block(number)).timestamp
        return self._times[block]

    async def is_member(self, group: Address, account: Address) -> bool:
        """Return whether an account is a member of a group (ERC-734), by PoCo's call at the newest block."""
        return await self._hub.is_member(group, account)

    async def _sync_with_head(self) -> None:
        tip, head = self._follower.trail.tip, await self._hub.node.block()
        # A sync that runs has stored a block before it completes the block's deals: wait for its end.
        if tip is None or head.hash != tip.hash or self._sync_lock.locked():
            await self.sync()

    async def _step(self) -> Change | None:
        try:
            return await self._follower.step()
        except ChainReplaced:
            _log.warning("the chain was wiped or replaced; reading it anew from block %d", self._first)
            self._store.clear()
            self.ledger = ChainLedger(self._registries)
            self._notify(self.book.replace(self.ledger))
            self._follower = self._new_follower()
            return await self._follower.step()

    def _apply(self, change: Change) -> None:
        trail = self._follower.trail
        if isinstance(change, BlocksApplied):
            delta = self.ledger.apply(change.events)
            self.ledger.settle(trail.blocks[0].number)
            self._store.advance(delta, trail, [each for each in change.events if isinstance(each, OrdersMatched)])
        else:
            delta = self.ledger.roll_back(change.block.number)
            self._store.roll_back(delta, trail)
        self._notify(self.book.update(delta.facts))

    async def _complete_deals(self) -> None:
        # After the step that stored their events: a step must be stored at once and must not wait for these calls.
        for event in self.deals.incomplete():
            try:
                view = await self._hub.view_deal(event.deal)
            except NotFound:
                continue  # removed by a reorganisation, which the next step applies
            time = (await self._hub.node.block(event.block_number)).timestamp
            document = encode(deal_document(event, view, time, self._chain))
            if self.deals.complete(event, view, time, document):
                self._notify([DealCreated(document)])

    def _new_follower(self) -> HubFollower:
        return HubFollower(self._hub, self._store.trail(), first=self._first, registries=tuple(self._registries))

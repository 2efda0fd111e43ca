"""The market's view of the chain: it follows the hub and its registries, and asks the hub what no event tells."""

import asyncio
import logging
from typing import Final, NoReturn

from sealgrid.chain.events import OrdersMatched
from sealgrid.chain.follower import BlocksApplied, Change, HubFollower
from sealgrid.chain.hub import Hub
from sealgrid.errors import ChainError, ChainReplaced, CheckFailed, NotFound, ServiceUnavailable
from sealgrid.market.book.order_book import OrderBook
from sealgrid.market.chain.ledger import ChainLedger
from sealgrid.market.chain.store import MarketChainStore
from sealgrid.market.feed.events import DealCreated, Tell
from sealgrid.market.serialization import deal_shown
from sealgrid.poco.matching import Registry
from sealgrid.poco.typed_data import is_signed_by
from sealgrid.units import Address, Digest
from sealgrid.wire.message import encode

_log = logging.getLogger("sealgrid")
_REST_SECONDS: Final = 1.0  #: after the node did not answer


class MarketChainFollower:
    """One hub as the market knows it; ``open`` one, then let ``run`` follow the chain.

    ``tell`` hears what the chain does to open orders, and of deals.
    """

    def __init__(
        self,
        hub: Hub,
        registries: dict[Address, Registry],
        memory: MarketChainStore,
        tell: Tell,
        *,
        first: int,
        chain: int,
    ) -> None:
        self._hub, self._registries, self._memory, self._first = hub, registries, memory, first
        self._chain, self.deals, self._tell = chain, memory.deals, tell
        self.ledger = ChainLedger(registries, memory.facts(), memory.undo())
        self.book = OrderBook(self.ledger)
        self._follower = self._new_follower()
        self._stepping = asyncio.Lock()
        self._code: tuple[Digest | None, dict[Address, bool]] = (None, {})
        self._times: dict[Digest, int] = {}

    @classmethod
    async def open(cls, hub: Hub, memory: MarketChainStore, tell: Tell, *, first: int) -> "MarketChainFollower":
        """Return the view as it was kept; the registries are the hub's own."""
        apps, datasets, pools = await hub.registries()
        registries: dict[Address, Registry] = {apps: "App", datasets: "Dataset", pools: "Workerpool"}
        return cls(hub, registries, memory, tell, first=first, chain=await hub.node.chain())

    @property
    def block(self) -> int:
        """Return the number of the newest block that was read; -1 before the first."""
        tip = self._follower.trail.tip
        return tip.number if tip else -1

    async def run(self, *, every: float) -> NoReturn:
        """Follow the chain for ever, looking ``every`` so many seconds."""
        while True:
            try:
                await self.catch_up()
                await asyncio.sleep(every)
            except (ChainError, CheckFailed, ServiceUnavailable) as error:
                _log.warning("the chain could not be read: %s", error)
                await asyncio.sleep(_REST_SECONDS)

    async def catch_up(self) -> None:
        """Read on to the newest block."""
        async with self._stepping:
            while (change := await self._step()) is not None:
                self._take(change)
            await self._describe_deals()

    async def signed(self, account: Address, digest: Digest, signature: bytes) -> bool:
        """Tell whether PoCo takes this signature for this account's; one that has code is asked by ERC-1271."""
        if not await self._has_code(account):
            return is_signed_by(account, digest, signature)
        return await self._hub.verify_signature(account, digest, signature)

    async def signed_on_chain(self, account: Address, digest: Digest) -> bool:
        """Tell whether an account signed an order by a transaction, which this market has read too."""
        return self.ledger.presigned(digest) and await self._hub.view_presigned(digest) == account

    async def time_of(self, number: int, block: Digest) -> int:
        """Return a block's Unix seconds."""
        if block not in self._times:
            self._times[block] = (await self._hub.node.block(number)).timestamp
        return self._times[block]

    async def is_member(self, group: Address, account: Address) -> bool:
        """Tell whether a group (ERC-734) counts an account among its members, as PoCo asks it now."""
        return await self._hub.is_member(group, account)

    async def _has_code(self, account: Address) -> bool:
        tip = self._follower.trail.tip
        block = tip.hash if tip else None
        if self._code[0] != block:
            self._code = (block, {})
        known = self._code[1]
        if account not in known:
            known[account] = bool(await self._hub.node.code(account))
        return known[account]

    async def _step(self) -> Change | None:
        try:
            return await self._follower.step()
        except ChainReplaced:
            _log.warning("the chain was wiped or replaced; reading it anew from block %d", self._first)
            self._memory.forget()
            self.ledger = ChainLedger(self._registries)
            self._tell(self.book.replace(self.ledger))
            self._follower = self._new_follower()
            return await self._follower.step()

    def _take(self, change: Change) -> None:
        trail = self._follower.trail
        if isinstance(change, BlocksApplied):
            written = self.ledger.apply(change.events)
            self.ledger.settle(trail.blocks[0].number)
            self._memory.advance(written, trail, [each for each in change.events if isinstance(each, OrdersMatched)])
        else:
            written = self.ledger.roll_back(change.block.number)
            self._memory.roll_back(written, trail)
        self._tell(self.book.changed(written.facts))

    async def _describe_deals(self) -> None:
        # After the step that found them, which must never wait: what the follower has read is kept at once.
        for event in self.deals.undescribed():
            try:
                view = await self._hub.view_deal(event.deal)
            except NotFound:
                continue  # a reorganisation took it back; the next step does so here
            time = (await self._hub.node.block(event.block_number)).timestamp
            document = encode(deal_shown(event, view, time, self._chain))
            if self.deals.describe(event, view, time, document):
                self._tell([DealCreated(document)])

    def _new_follower(self) -> HubFollower:
        return HubFollower(self._hub, self._memory.trail(), first=self._first, registries=tuple(self._registries))

"""Follow the hub's events through reorganisations: what was applied to a block that vanished is announced as undone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from sealgrid.chain.block_trail import BlockTrail
from sealgrid.chain.blocks import Block
from sealgrid.chain.events import HubEvent, events_of
from sealgrid.chain.hub import Hub
from sealgrid.errors import ChainReplaced
from sealgrid.units import Address, Digest

_RANGE: Final = 1000  #: blocks asked for at once when far behind


class BlocksApplied(msgspec.Struct, frozen=True):
    """The chain grew up to ``block``; these are the hub's events since the step before."""

    block: Block
    events: tuple[HubEvent, ...]


class BlocksRolledBack(msgspec.Struct, frozen=True):
    """Blocks above ``block`` vanished: forget every event with a higher block number."""

    block: Block


Change = BlocksApplied | BlocksRolledBack


class HubFollower:
    """Reads one hub from a trail onward; it never writes the trail anywhere, its user does, with what it derives.

    ``beside`` are contracts that are read with the hub: its registries, whose NFTs say whose an asset is.
    """

    def __init__(
        self,
        hub: Hub,
        trail: BlockTrail | None = None,
        *,
        first: int = 0,
        depth: int = 1,
        beside: Sequence[Address] = (),
    ) -> None:
        self._contracts = (hub.address, *beside)
        self._node = hub.node
        self._first = first
        self._depth = depth
        self.trail = trail or BlockTrail()

    async def step(self) -> Change | None:
        """Return the next change, or None when there is nothing new.

        Raises ChainReplaced when no block of the trail is on the chain any more: it was wiped, or is another chain.
        """
        tip = self.trail.tip
        if tip and await self._hash_at(tip.number) != tip.hash:
            return await self._roll_back()
        head = await self._node.confirmed_block(self._depth)
        first = max(self._first, self.trail.next_number)
        if head.number < first:
            return None
        target = head if head.number - first < _RANGE else await self._node.block(first + _RANGE - 1)
        return await self._apply(first, target)

    async def changes(self, *, every: float = 0.1) -> AsyncIterator[Change]:
        """Yield changes for ever, looking for new blocks ``every`` so many seconds."""
        while True:
            change = await self.step()
            if change is None:
                await asyncio.sleep(every)
            else:
                yield change

    async def _apply(self, first: int, target: Block) -> Change | None:
        if first == target.number:
            logs = await self._node.logs_of_block(self._contracts, target.hash)
        else:
            logs = await self._node.logs(self._contracts, [], first=first, last=target.number)
        if not await self._still_fits(target):
            return None
        self.trail = self.trail.extended(target)
        return BlocksApplied(block=target, events=tuple(events_of(logs)))

    async def _still_fits(self, target: Block) -> bool:
        # A range is asked for by number, so the chain may have changed while it was read: then the next step sees it.
        tip = self.trail.tip
        if await self._hash_at(target.number) != target.hash:
            return False
        if tip is None:
            return True
        adjacent = target.number == tip.number + 1
        return target.parent == tip.hash if adjacent else await self._hash_at(tip.number) == tip.hash

    async def _roll_back(self) -> BlocksRolledBack:
        canonical: dict[int, Digest] = {}
        for block in reversed(self.trail.blocks):
            found = await self._hash_at(block.number)
            if found is not None:
                canonical[block.number] = found
            if found == block.hash:
                break
        ancestor = self.trail.common_ancestor(canonical)
        if ancestor is None:
            raise ChainReplaced("The chain is not the one that was followed so far; start again from its beginning.")
        self.trail = self.trail.cut(ancestor)
        return BlocksRolledBack(block=ancestor)

    async def _hash_at(self, number: int) -> Digest | None:
        head = await self._node.block()
        if number > head.number:
            return None
        return head.hash if number == head.number else (await self._node.block(number)).hash

"""Follows the events of a hub and reports reorganisations, so a reader can roll back derived data."""

from collections.abc import Sequence
from typing import Final

import msgspec

from sealgrid.chain.blocks import Block, BlockTag, BlockTrail
from sealgrid.chain.events import HubEvent, parse_events
from sealgrid.chain.hub import Hub
from sealgrid.errors import ChainReplaced
from sealgrid.units import Address, Digest

_MAX_RANGE: Final = 1000  #: blocks of one request


class BlocksApplied(msgspec.Struct, frozen=True):
    """The hub's events since the last step, up to and including ``block``."""

    block: Block
    events: tuple[HubEvent, ...]


class BlocksRolledBack(msgspec.Struct, frozen=True):
    """Blocks above ``block`` were removed: roll back every event with a higher block number."""

    block: Block


Change = BlocksApplied | BlocksRolledBack


class HubFollower:
    """Reads the events of one hub from a trail on. The caller stores the trail together with the data derived from it.

    ``depth`` and ``final`` are those of ``Node.confirmed_block``. ``registries`` are read with the hub: transfers of
    their ERC-721 tokens change the owners of assets.
    """

    def __init__(
        self,
        hub: Hub,
        trail: BlockTrail | None = None,
        *,
        first: int = 0,
        depth: int = 1,
        final: BlockTag | None = None,
        registries: Sequence[Address] = (),
    ) -> None:
        self._contracts = (hub.address, *registries)
        self._node = hub.node
        self._first = first
        self._depth, self._final = depth, final
        self.trail = trail or BlockTrail()

    async def step(self) -> Change | None:
        """Return the next change; None if there is none.

        Raises ChainReplaced if the chain has no block of the trail: it was wiped, or is another chain.
        """
        tip, head = self.trail.tip, await self._node.confirmed_block(self._depth, self._final)
        if tip and head.hash == tip.hash:
            return None
        if tip and await self._hash_at(tip.number) != tip.hash:
            return await self._roll_back()
        first = max(self._first, self.trail.next_number)
        if head.number < first:
            return None
        target = head if head.number - first < _MAX_RANGE else await self._node.block(first + _MAX_RANGE - 1)
        if first == target.number:
            logs = await self._node.logs_of_block(self._contracts, target.hash)
        else:
            logs = await self._node.logs(self._contracts, [], first=first, last=target.number)
        if not await self._is_consistent(target):
            return None
        self.trail = self.trail.append(target)
        return BlocksApplied(block=target, events=tuple(parse_events(logs)))

    async def _is_consistent(self, target: Block) -> bool:
        # Ranges are read by number: the chain may have changed meanwhile. The next step then rolls back.
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
            hash_now = await self._hash_at(block.number)
            if hash_now is not None:
                canonical[block.number] = hash_now
            if hash_now == block.hash:
                break
        ancestor = self.trail.common_ancestor(canonical)
        if ancestor is None:
            raise ChainReplaced("The chain was wiped or replaced; start again from its beginning.")
        self.trail = self.trail.truncate(ancestor)
        return BlocksRolledBack(block=ancestor)

    async def _hash_at(self, number: int) -> Digest | None:
        head = await self._node.block()
        if number > head.number:
            return None
        return head.hash if number == head.number else (await self._node.block(number)).hash

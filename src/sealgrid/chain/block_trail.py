"""Which blocks a follower has seen, and how far back a reorganisation takes it. Pure.

A trail holds some blocks in ascending order, not every one: after a long absence a follower steps in ranges. A block
whose hash the chain still has vouches for everything below it.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from sealgrid.chain.blocks import Block
from sealgrid.units import Digest

KEPT: Final = 128  #: blocks that a trail remembers; a deeper reorganisation ends in ``Lost``


class BlockTrail(msgspec.Struct, frozen=True):
    """The blocks that a follower has processed; save it beside what was derived from them."""

    blocks: tuple[Block, ...] = ()

    @property
    def tip(self) -> Block | None:
        """Return the newest processed block."""
        return self.blocks[-1] if self.blocks else None

    @property
    def next_number(self) -> int:
        """Return the number of the first block that is not processed."""
        return self.blocks[-1].number + 1 if self.blocks else 0

    def extended(self, block: Block) -> "BlockTrail":
        """Return the trail with one more block; raise ValueError unless it can follow the tip."""
        tip = self.tip
        if tip and (block.number <= tip.number or (block.number == tip.number + 1 and block.parent != tip.hash)):
            raise ValueError(f"block {block.number} does not follow block {tip.number}")
        return BlockTrail((*self.blocks, block)[-KEPT:])

    def cut(self, ancestor: Block) -> "BlockTrail":
        """Return the trail up to and including one of its own blocks."""
        return BlockTrail(self.blocks[: self.blocks.index(ancestor) + 1])

    def common_ancestor(self, canonical: Mapping[int, Digest]) -> Block | None:
        """Return the newest block that the chain still has, by its hashes now; None when none is left."""
        return next((block for block in reversed(self.blocks) if canonical.get(block.number) == block.hash), None)

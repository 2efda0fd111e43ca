"""A follower applies blocks in order and rolls back what a reorganisation removed."""

from typing import Any

import pytest

from sealgrid.chain.blocks import Block, BlockTag, BlockTrail
from sealgrid.chain.follower import BlocksApplied, BlocksRolledBack, HubFollower
from sealgrid.errors import ChainReplaced
from sealgrid.units import Digest, to_address, to_digest


class Chain:
    """A chain without events; its node and its hub."""

    def __init__(self, length: int) -> None:
        self.blocks: list[Block] = []
        self.node, self.address = self, to_address(b"\x0b" * 20)
        self.grow(length)

    def grow(self, number: int, branch: int = 0) -> None:
        for _ in range(number):
            height = len(self.blocks)
            parent = self.blocks[-1].hash if self.blocks else to_digest(bytes(32))
            self.blocks.append(Block(height, to_digest(bytes([branch]) + height.to_bytes(31, "big")), parent, height))

    def reorganise(self, depth: int) -> None:
        del self.blocks[-depth:]
        self.grow(depth + 1, branch=1)

    async def block(self, which: int | str = "latest") -> Block:
        return self.blocks[-1] if isinstance(which, str) else self.blocks[which]

    async def confirmed_block(self, depth: int, final: BlockTag | None) -> Block:
        return self.blocks[-depth]

    async def logs_of_block(self, contracts: object, block: Digest) -> list[Any]:
        return []

    async def logs(self, contracts: object, topics: object, *, first: int, last: int) -> list[Any]:
        return []


def follower(chain: Chain, trail: BlockTrail | None = None) -> HubFollower:
    return HubFollower(chain, trail)  # type: ignore[arg-type]


async def test_blocks_are_applied_up_to_the_head_and_then_there_is_no_change() -> None:
    chain = Chain(5)
    following = follower(chain)
    assert await following.step() == BlocksApplied(chain.blocks[4], ())
    assert await following.step() is None
    chain.grow(1)
    assert await following.step() == BlocksApplied(chain.blocks[5], ())


async def test_a_removed_block_is_rolled_back_to_the_common_ancestor() -> None:
    chain = Chain(3)
    following = follower(chain)
    for _ in range(3):
        await following.step()
        chain.grow(1)
    ancestor = following.trail.blocks[-2]
    chain.reorganise(depth=2)
    assert await following.step() == BlocksRolledBack(ancestor)
    assert await following.step() == BlocksApplied(chain.blocks[-1], ())


async def test_a_chain_that_changes_between_two_reads_changes_nothing_yet() -> None:
    chain = Chain(5)
    following = follower(chain)

    async def logs(contracts: object, topics: object, *, first: int, last: int) -> list[Any]:
        chain.reorganise(depth=1)
        return []

    chain.logs = logs  # type: ignore[method-assign]
    assert await following.step() is None
    assert following.trail == BlockTrail()


async def test_another_chain_is_refused() -> None:
    chain = Chain(3)
    other = Block(1, to_digest(b"\x09" * 32), to_digest(bytes(32)), 1)
    with pytest.raises(ChainReplaced):
        await follower(chain, BlockTrail((other,))).step()

"""Confirmation rules; and the block trail, tested against a model of a chain that grows, forks and shrinks."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sealgrid.chain.blocks import MAX_TRAIL, Block, BlockTrail, confirmation_of, usual_depth
from sealgrid.crypto.digests import sha256
from sealgrid.units import to_digest

ETHEREUM, SEPOLIA, ARBITRUM, ARBITRUM_SEPOLIA, LOCAL = 1, 11155111, 42161, 421614, 31337


def block(number: int, fork: int, parent: Block | None) -> Block:
    name = to_digest(sha256(f"{number} {fork} {parent.hash if parent else ''}".encode()))
    return Block(number=number, hash=name, parent=parent.hash if parent else to_digest(bytes(32)), timestamp=number)


class Following(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.chain: list[Block] = []
        self.trail = BlockTrail()
        self.forks = 0

    @rule(count=st.integers(1, 5))
    def chain_grows(self, count: int) -> None:
        for _ in range(count):
            parent = self.chain[-1] if self.chain else None
            self.chain.append(block(len(self.chain), self.forks, parent))

    @rule(depth=st.integers(1, 4))
    def chain_reorganises(self, depth: int) -> None:
        self.forks += 1
        del self.chain[max(1, len(self.chain) - depth) :]

    @rule(step=st.integers(1, 3))
    def follower_steps(self, step: int) -> None:
        canonical = {each.number: each.hash for each in self.chain}
        if self.trail.blocks:
            ancestor = self.trail.common_ancestor(canonical)
            assert ancestor is not None, "block 0 never changes here"
            self.trail = self.trail.truncate(ancestor)
        ahead = self.chain[self.trail.next_number :]
        if ahead:
            self.trail = self.trail.append(ahead[min(step, len(ahead)) - 1])
            assert self.trail.tip in self.chain

    @invariant()
    def blocks_ascend_and_are_bounded(self) -> None:
        numbers = [each.number for each in self.trail.blocks]
        assert numbers == sorted(set(numbers))
        assert len(numbers) <= MAX_TRAIL


class FollowingFromGenesis(Following):
    def __init__(self) -> None:
        super().__init__()
        self.chain.append(block(0, 0, None))
        self.trail = self.trail.append(self.chain[0])


TestFollowing = FollowingFromGenesis.TestCase


def test_the_newest_block_that_both_have_is_the_ancestor() -> None:
    first, second = block(0, 0, None), block(1, 0, block(0, 0, None))
    trail = BlockTrail().append(first).append(second)
    assert trail.common_ancestor({0: first.hash, 1: second.hash}) == second
    assert trail.common_ancestor({0: first.hash, 1: to_digest(b"\x01" * 32)}) == first
    assert trail.common_ancestor({1: first.hash}) is None


def test_a_block_of_another_branch_does_not_follow() -> None:
    first = block(0, 0, None)
    stranger = block(1, 7, block(0, 7, None))
    with pytest.raises(ValueError, match="does not follow"):
        BlockTrail().append(first).append(stranger)


def test_a_block_does_not_follow_itself() -> None:
    first = block(0, 0, None)
    with pytest.raises(ValueError, match="does not follow"):
        BlockTrail().append(first).append(first)


def test_each_chain_confirms_by_its_own_rule() -> None:
    assert [confirmation_of(chain).block for chain in (ETHEREUM, SEPOLIA)] == ["finalized"] * 2
    assert [confirmation_of(chain).block for chain in (ARBITRUM, ARBITRUM_SEPOLIA)] == ["safe"] * 2
    assert confirmation_of(LOCAL).block == 1


def test_an_unknown_chain_waits_for_finality() -> None:
    assert confirmation_of(99).block == "finalized"


def test_only_a_chain_that_mines_on_demand_has_no_maximum_age() -> None:
    assert confirmation_of(LOCAL).max_age is None
    assert all(confirmation_of(chain).max_age for chain in (ETHEREUM, ARBITRUM, 99))


def test_a_service_that_cannot_wait_for_finality_waits_for_more_blocks_where_they_are_shorter() -> None:
    assert [usual_depth(chain) for chain in (LOCAL, ETHEREUM, SEPOLIA, 99)] == [1, 8, 8, 8]
    assert [usual_depth(chain) for chain in (ARBITRUM, ARBITRUM_SEPOLIA)] == [20, 20]

"""The block of a deal is found by its time, among the newest with few questions."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sealgrid.chain import matches
from sealgrid.chain.blocks import Block
from sealgrid.units import Digest, to_digest

HASH = Digest(to_digest(bytes(32)))


class Chain:
    """A node that serves blocks of these times, and counts what it is asked."""

    def __init__(self, times: list[int]) -> None:
        self.times, self.asked = times, 0

    async def block(self, number: int | None = None) -> Block:
        self.asked += 1
        at = len(self.times) - 1 if number is None else number
        return Block(number=at, hash=HASH, parent=HASH, timestamp=self.times[at])


@given(times=st.lists(st.integers(0, 60), min_size=1, max_size=80).map(sorted), time=st.integers(0, 61))
def test_the_first_block_at_or_after_a_time_is_found(times: list[int], time: int) -> None:
    node: Any = Chain(times)
    found = asyncio.run(matches._first_at(node, time))
    expected = next((at for at, each in enumerate(times) if each >= time), None)
    assert (None if found is None else found.number) == expected


async def test_one_of_the_newest_of_a_long_chain_takes_few_questions() -> None:
    node: Any = Chain(list(range(1 << 16)))
    found = await matches._first_at(node, (1 << 16) - 3)
    assert found is not None
    assert found.number == (1 << 16) - 3
    assert node.asked <= 8

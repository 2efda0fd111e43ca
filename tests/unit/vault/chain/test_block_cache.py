"""Reads at a block are made once, and never returned for another block."""

import asyncio

import pytest

from sealgrid.errors import ServiceUnavailable
from sealgrid.units import to_digest
from sealgrid.vault.chain import block_cache
from sealgrid.vault.chain.block_cache import BlockCache

BLOCKS = [to_digest(bytes([number]) * 32) for number in range(4)]


class Chain:
    """Counts its reads."""

    def __init__(self) -> None:
        self.reads = 0
        self.fails = False

    async def read(self) -> int:
        self.reads += 1
        await asyncio.sleep(0)
        if self.fails:
            raise ServiceUnavailable("away")
        return self.reads


async def test_concurrent_and_later_callers_share_one_read() -> None:
    memory, chain = BlockCache(), Chain()
    assert await asyncio.gather(*(memory.get(BLOCKS[0], ("a",), chain.read) for _ in range(5))) == [1] * 5
    assert await memory.get(BLOCKS[0], ("a",), chain.read) == 1


async def test_another_query_or_another_block_is_read_anew() -> None:
    memory, chain = BlockCache(), Chain()
    queries = [(BLOCKS[0], ("a",)), (BLOCKS[0], ("b",)), (BLOCKS[1], ("a",))]
    assert [await memory.get(*each, chain.read) for each in queries] == [1, 2, 3]


async def test_only_the_newest_blocks_are_cached() -> None:
    memory, chain = BlockCache(), Chain()
    for block in BLOCKS:
        await memory.get(block, ("a",), chain.read)
    assert await memory.get(BLOCKS[-1], ("a",), chain.read) == 4
    assert await memory.get(BLOCKS[0], ("a",), chain.read) == 5


async def test_a_failed_read_reaches_all_callers_and_is_not_cached() -> None:
    memory, chain = BlockCache(), Chain()
    chain.fails = True
    queries = (memory.get(BLOCKS[0], ("a",), chain.read) for _ in range(3))
    assert all(isinstance(each, ServiceUnavailable) for each in await asyncio.gather(*queries, return_exceptions=True))
    chain.fails = False
    assert await memory.get(BLOCKS[0], ("a",), chain.read) == 2


async def test_a_cancelled_caller_does_not_disturb_the_others() -> None:
    memory, chain = BlockCache(), Chain()
    impatient = asyncio.create_task(memory.get(BLOCKS[0], ("a",), chain.read))
    patient = asyncio.create_task(memory.get(BLOCKS[0], ("a",), chain.read))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 1
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_cache, "MAX_RESULTS", 3)
    memory, chain = BlockCache(), Chain()
    for number in range(10):
        await memory.get(BLOCKS[0], (number,), chain.read)
    assert len(memory._blocks[BLOCKS[0]]) <= 3

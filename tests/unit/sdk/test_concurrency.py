import asyncio

import pytest

from sealgrid.sdk.concurrency import both


async def test_both_results_come_back_in_order() -> None:
    async def late() -> str:
        await asyncio.sleep(0)
        return "late"

    assert await both(late(), asyncio.sleep(0, 2)) == ("late", 2)


async def test_the_other_one_has_ended_when_an_error_is_raised() -> None:
    ended = []

    async def fail() -> None:
        raise ValueError

    async def write() -> None:
        await asyncio.sleep(0.01)
        ended.append(True)

    with pytest.raises(ValueError):
        await both(fail(), write())
    assert ended == [True]


async def test_the_first_ones_error_comes_first() -> None:
    async def fail(error: Exception, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise error

    with pytest.raises(KeyError):
        await both(fail(KeyError(), 3), fail(ValueError(), 0))

import asyncio

import pytest

from sealgrid.errors import ServiceUnavailable
from sealgrid.sdk.concurrency import both, require_replies


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


def test_too_few_vaults_that_answer_stop_a_purchase_as_they_would_stop_the_release():
    silent = ServiceUnavailable("vault 2 does not answer.")
    require_replies([None, None, silent], 2)
    with pytest.raises(ServiceUnavailable, match="2 of 3 vaults do not answer"):
        require_replies([None, silent, silent], 2)

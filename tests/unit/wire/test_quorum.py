"""A silent member delays nothing once enough others replied."""

import asyncio

import pytest

from sealgrid.errors import NotFound, ServiceUnavailable
from sealgrid.wire.quorum import call_all


async def answer(what: str, after: float = 0.0) -> str:
    await asyncio.sleep(after)
    return what


async def refuse(after: float = 0.0) -> str:
    await asyncio.sleep(after)
    raise NotFound("nothing is known here.")


async def silence() -> str:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def test_every_answer_comes_in_the_order_of_the_members():
    assert await call_all([answer("a", 0.02), answer("b"), answer("c", 0.01)], enough=3) == ["a", "b", "c"]


async def test_a_slow_member_counts_within_the_grace():
    assert await call_all([answer("a"), answer("b", 0.05)], enough=1, grace=5) == ["a", "b"]


async def test_a_silent_member_counts_as_away_once_enough_answered():
    async with asyncio.timeout(5):
        first, second, third = await call_all([answer("a"), silence(), answer("c")], enough=2, grace=0.01)
    assert (first, third) == ("a", "c")
    assert isinstance(second, ServiceUnavailable)


async def test_a_refusal_is_returned_and_does_not_count():
    refusal, second, third = await call_all([refuse(), answer("b", 0.02), answer("c", 0.02)], enough=2, grace=0)
    assert isinstance(refusal, NotFound)
    assert (second, third) == ("b", "c")


async def test_too_few_replies_end_when_every_member_replied():
    replies = await call_all([refuse(0.01), refuse(0.02), answer("c")], enough=2)
    assert [type(reply) for reply in replies] == [NotFound, NotFound, str]


async def test_a_cancelled_caller_leaves_no_request_behind():
    calls: list[asyncio.Task[str]] = [asyncio.ensure_future(silence()) for _ in range(2)]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call_all(calls, enough=1), 0.01)
    assert all(each.cancelled() for each in calls)

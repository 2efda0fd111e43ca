"""Concurrent requests share one read of the chain's head, and none gets a read that started before it."""

import asyncio
from collections.abc import Callable

import pytest

from sealgrid.errors import ServiceUnavailable
from sealgrid.market.chain.shared_read import MIN_INTERVAL, SharedRead


class ControlledRead:
    """Counts its reads; each ends when the test releases it."""

    def __init__(self) -> None:
        self.started = 0
        self.now = 0.0
        self.paused: list[float] = []
        self.error: Exception | None = None
        self._released = asyncio.Semaphore(0)

    async def __call__(self) -> None:
        self.started += 1
        await self._released.acquire()
        if self.error is not None:
            raise self.error

    def release(self) -> None:
        self.now += 1.0
        self._released.release()

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.now += seconds


@pytest.fixture
def read() -> ControlledRead:
    return ControlledRead()


@pytest.fixture
def shared(read: ControlledRead) -> SharedRead:
    return SharedRead(read, clock=lambda: read.now, pause=read.pause)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


async def test_concurrent_calls_share_one_read(read: ControlledRead, shared: SharedRead) -> None:
    calls = [asyncio.create_task(shared.wait()) for _ in range(5)]
    await until(lambda: read.started == 1)
    read.release()
    await asyncio.gather(*calls)
    assert read.started == 1


async def test_a_call_during_a_read_waits_for_the_next_one(read: ControlledRead, shared: SharedRead) -> None:
    first = asyncio.create_task(shared.wait())
    await until(lambda: read.started == 1)
    later = [asyncio.create_task(shared.wait()) for _ in range(3)]
    read.release()
    await first
    await until(lambda: read.started == 2)
    assert not any(each.done() for each in later)
    read.release()
    await asyncio.gather(*later)
    assert read.started == 2


async def test_a_failed_read_fails_for_its_callers_and_not_for_later_ones(
    read: ControlledRead, shared: SharedRead
) -> None:
    read.error = ServiceUnavailable("the node does not answer.")
    calls = [asyncio.create_task(shared.wait()) for _ in range(2)]
    await until(lambda: read.started == 1)
    read.release()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in results] == [ServiceUnavailable] * 2
    read.error = None
    read.release()
    await shared.wait()


async def test_a_caller_that_leaves_does_not_end_the_read_of_the_others(
    read: ControlledRead, shared: SharedRead
) -> None:
    leaving, staying = (asyncio.create_task(shared.wait()) for _ in range(2))
    await until(lambda: read.started == 1)
    leaving.cancel()
    await asyncio.wait([leaving])
    read.release()
    await staying
    assert (leaving.cancelled(), read.started) == (True, 1)


async def test_two_reads_start_at_least_an_interval_apart(read: ControlledRead, shared: SharedRead) -> None:
    for _ in range(2):
        call = asyncio.create_task(shared.wait())
        started = read.started
        await until(lambda started=started: read.started > started)
        read._released.release()  # the clock stands still
        await call
    assert read.paused == [MIN_INTERVAL]

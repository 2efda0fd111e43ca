"""Assigns tasks to the workers that wait at this process: one claim serves many of them, in order of arrival."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from sealgrid.errors import SealgridError
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.claims import Assignment, ClaimResult, WorkerRequest, claim
from sealgrid.pool.task_book import TaskBook

_BATCH: Final = 64  #: workers in one claim
_FIRST_BATCH: Final = 16  #: workers in the first claim after an announcement, which few tasks may have caused
_RECHECK_SECONDS: Final = 1.0  #: between two claims for waiting workers when nothing was announced


class _Waiter:
    """A worker that waits."""

    def __init__(self, request: WorkerRequest) -> None:
        self.request = request
        self.tried = asyncio.Event()  #: set after the first claim for it
        self.answer: asyncio.Future[list[Assignment]] = asyncio.get_running_loop().create_future()
        self.released: asyncio.Future[None] = asyncio.get_running_loop().create_future()  #: it waits no longer


class Dispatcher:
    """A queue of waiting workers. No worker is woken without a task; ``clock`` returns Unix seconds."""

    def __init__(self, book: TaskBook, chain_clock: ChainClock, clock: Callable[[], float]) -> None:
        self._book, self._chain_clock, self._clock = book, chain_clock, clock
        self._waiters: dict[_Waiter, None] = {}  # in the order of arrival
        self._claiming = asyncio.Lock()
        self._announced = False
        self._again_at: float | None = None
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._is_draining = False
        book.on_assignable(self._announce)

    async def next(self, request: WorkerRequest, seconds: float) -> list[Assignment]:
        """Return tasks for a worker as soon as there is one, or none after ``seconds`` seconds or ``drain``."""
        if self._is_draining:
            return []
        waiter = _Waiter(request)
        self._waiters[waiter] = None
        self._wake.set()
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        try:
            await waiter.tried.wait()
            ends: tuple[asyncio.Future[Any], ...] = (waiter.answer, waiter.released)
            await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            async with self._claiming:  # a claim that has begun may bring it a task
                return waiter.answer.result() if waiter.answer.done() else []
        finally:
            self._waiters.pop(waiter, None)

    def drain(self) -> None:
        """Begin no further claim; answer all waiting workers with the tasks of the running claim, if any."""
        self._is_draining = True
        self._wake.set()
        for waiter in self._waiters:
            waiter.tried.set()
            if not waiter.released.done():
                waiter.released.set_result(None)

    def close(self) -> None:
        """Drain, and cancel the running claim."""
        self.drain()
        if self._running is not None:
            self._running.cancel()

    def _announce(self) -> None:
        self._announced = True
        self._wake.set()

    async def _run(self) -> None:
        while self._waiters and not self._is_draining:
            self._wake.clear()
            self._again_at = None
            announced, self._announced = self._announced, False
            await self._serve([each for each in self._waiters if not each.tried.is_set()], while_more=False)
            if announced:
                await self._serve(list(self._waiters), while_more=True)
            if self._waiters and not self._wake.is_set():
                await self._wait()

    async def _serve(self, waiters: Sequence[_Waiter], *, while_more: bool) -> None:
        start, size = 0, _FIRST_BATCH if while_more else _BATCH
        while start < len(waiters):
            batch = [each for each in waiters[start : start + size] if each in self._waiters]
            if batch and not await self._claim(batch) and while_more:
                return
            start, size = start + size, _BATCH

    async def _claim(self, batch: Sequence[_Waiter]) -> bool:
        now = self._clock()
        requests, chain_now = [each.request for each in batch], self._chain_clock.now(now)
        async with self._claiming:
            if self._is_draining:
                return False
            try:
                result = await self._book.run(lambda rows: claim(rows, requests, now, chain_now, self._book.rules))
            except Exception as error:  # noqa: BLE001  each caller gets it
                if isinstance(error, SealgridError) or len(batch) == 1:
                    self._fail(batch, error)
                    return False
            else:
                self._answer(batch, result)
                return result.more
        # One of the requests is at fault: each is claimed for without the others.
        return any([await self._claim([each]) for each in batch])

    def _fail(self, batch: Sequence[_Waiter], error: Exception) -> None:
        for waiter in batch:
            waiter.tried.set()
            self._waiters.pop(waiter, None)
            if not waiter.answer.done():
                waiter.answer.set_exception(error)

    def _answer(self, batch: Sequence[_Waiter], result: ClaimResult) -> None:
        for index, waiter in enumerate(batch):
            waiter.tried.set()
            own = [each for each in result.assignments if each.request == index]
            if own and not waiter.answer.done():
                self._waiters.pop(waiter, None)
                waiter.answer.set_result(own)
        if result.again_at is not None:
            self._again_at = min(self._again_at or result.again_at, result.again_at)

    async def _wait(self) -> None:
        seconds = _RECHECK_SECONDS
        if self._again_at is not None:
            seconds = min(seconds, max(0.0, self._again_at - self._clock()))
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            self._announced = True  # look again

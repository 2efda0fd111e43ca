"""``python -m bench.pool_process DATABASE WORKERS``: a pool process without a chain; prints its address.

What the chain would do happens here: tasks that a worker reports as finalizing are completed twice a second, and lines
of standard input initialise tasks: ``DEAL FIRST COUNT``.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Coroutine
from typing import Any, Final

from bench.pool_tasks import DOMAIN, POOL, RULES, worker_key
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.api import handlers
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.effects import Effect
from sealgrid.pool.operations import apply_events
from sealgrid.pool.pool_store import TaskRows
from sealgrid.pool.replicas import hear, lead
from sealgrid.pool.service import TaskService
from sealgrid.pool.sql_pool_store import SqlPoolStore
from sealgrid.pool.task_book import TaskBook
from sealgrid.pool.worker_sessions import AllowedWorkers
from sealgrid.units import DealId, TaskId
from sealgrid.wire.server import create_app, listen, serve
from sealgrid.wire.service_access import ONE_MACHINE

BLOCK_SECONDS: Final = 0.5
TICK_SECONDS: Final = 0.2


class BookOfBench(TaskBook):
    """A task book that remembers which tasks the chain would complete."""

    def __init__(self, store: SqlPoolStore) -> None:
        super().__init__(store, RULES)
        self.finalizing: list[TaskId] = []

    async def apply(self, event: e.AnyEvent) -> tuple[Effect, ...]:
        effects = await super().apply(event)
        if isinstance(event, e.StageReported) and event.stage == "finalizing":
            self.finalizing.append(event.task)
        return effects

    async def complete(self) -> None:
        """Complete tasks as blocks do."""
        while True:
            await asyncio.sleep(BLOCK_SECONDS)
            done, self.finalizing = self.finalizing, []
            for start in range(0, len(done), 500):
                await self._apply_all(
                    [e.TaskFinalized(task=task, at=time.time()) for task in done[start : start + 500]]
                )

    async def tick(self) -> None:
        """Do what the leader does."""
        while True:
            await self.expire(time.time(), int(time.time()))
            await asyncio.sleep(TICK_SECONDS)

    async def initialise(self) -> None:
        """Initialise the tasks that standard input names."""
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
        while line := (await reader.readline()).split():
            deal, first, count = DealId(line[0].decode()), int(line[1]), int(line[2])
            tasks = [task_id(deal, index) for index in range(first, first + count)]
            await self._apply_all([e.TaskInitialized(task=task, at=time.time()) for task in tasks])

    async def _apply_all(self, events: list[e.AnyEvent]) -> None:
        def operation(rows: TaskRows) -> None:
            apply_events(rows, events, RULES)
            if self.epoch is not None:
                self.fill_queue(rows, time.time())

        await self.run(operation)


async def run(database: str, workers: int) -> None:
    """Serve until SIGTERM."""
    store = SqlPoolStore(database, RULES)
    book = BookOfBench(store)
    allowed = {worker_key(number).address for number in range(workers)}
    service = TaskService(
        book, ChainClock(), AllowedWorkers(domain=DOMAIN, pool=POOL, allowed=allowed), worker_key(workers)
    )
    sock = listen()
    background: list[Coroutine[Any, Any, None]] = [
        lead(store, book, book.tick),
        hear(store, book),
        book.complete(),
        book.initialise(),
    ]
    running = [asyncio.ensure_future(each) for each in background]
    address = f"http://127.0.0.1:{sock.getsockname()[1]}"
    try:
        await serve(
            create_app(handlers(service), access=ONE_MACHINE), sock, lambda: print(address, flush=True), ONE_MACHINE
        )
    finally:
        for each in running:
            each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*running, return_exceptions=True)
        book.close()
        store.close()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], int(sys.argv[2])))

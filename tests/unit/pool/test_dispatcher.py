"""Tasks go to waiting workers one to one, in the order of arrival."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sealgrid.chain.blocks import BlockTrail
from sealgrid.errors import ServiceUnavailable
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.claims import Assignment, WorkerRequest
from sealgrid.pool.dispatcher import Dispatcher
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.task_book import TaskBook
from sealgrid.units import Address, to_address
from sealgrid.wire.pool import WorkerCapabilities
from tests.unit.pool.pool_scene import DEAL, MATCHED, TASK, open_book

RULES = PoolRules(retry=0.2)


def worker(number: int) -> Address:
    return to_address((number + 1).to_bytes(20, "big"))


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[TaskBook]:
    with open_book(tmp_path, RULES) as book:
        yield book


@pytest.fixture
def dispatcher(book: TaskBook) -> Dispatcher:
    return Dispatcher(book, ChainClock(), time.time)


async def open_tasks(book: TaskBook, size: int) -> None:
    ready = [e.TaskInitialized(at=2, task=task_id(DEAL, index)) for index in range(size)]
    await book.apply_chain_events([msgspec.structs.replace(MATCHED, size=size), *ready], BlockTrail())


async def test_of_many_waiting_workers_the_first_get_the_tasks_and_the_others_wait_on(
    book: TaskBook, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = [asyncio.create_task(dispatcher.next(WorkerRequest(worker(number), 1), 30)) for number in range(300)]
    while not all(each.tried.is_set() for each in dispatcher._waiters) or len(dispatcher._waiters) < len(waiting):
        await asyncio.sleep(0.01)
    operations: list[object] = []
    run = book.run
    monkeypatch.setattr(book, "run", lambda operation: operations.append(operation) or run(operation))
    await open_tasks(book, 3)
    done, _ = await asyncio.wait(waiting, timeout=0.5)
    assert done == set(waiting[:3])
    assert {(await each)[0].task.task for each in done} == {task_id(DEAL, index) for index in range(3)}
    assert len(operations) <= 5, "no worker is asked for again without a task"
    for each in waiting[3:]:
        each.cancel()
    await asyncio.wait(waiting[3:])
    assert not dispatcher._waiters


async def test_a_worker_gets_as_many_tasks_as_it_has_slots(book: TaskBook, dispatcher: Dispatcher) -> None:
    await open_tasks(book, 5)
    assert len(await dispatcher.next(WorkerRequest(worker(1), 3), 0)) == 3
    assert len(await dispatcher.next(WorkerRequest(worker(2), 3), 0)) == 2
    assert await dispatcher.next(WorkerRequest(worker(3), 3), 0) == []


async def test_a_closed_dispatcher_claims_no_further_task(book: TaskBook, dispatcher: Dispatcher) -> None:
    waiting = asyncio.create_task(dispatcher.next(WorkerRequest(worker(1), 1), 0.5))
    while not any(each.tried.is_set() for each in dispatcher._waiters):
        await asyncio.sleep(0)
    running = dispatcher._running
    assert running is not None
    dispatcher.close()
    await open_tasks(book, 1)
    assert await waiting == []
    assert running.cancelled()


async def test_a_drained_dispatcher_answers_those_who_wait_and_those_who_come_without_a_task(
    book: TaskBook, dispatcher: Dispatcher
) -> None:
    waiting = [asyncio.create_task(dispatcher.next(WorkerRequest(worker(number), 1), 600)) for number in range(80)]
    while len(dispatcher._waiters) < len(waiting):  # some were tried, some were not
        await asyncio.sleep(0)
    dispatcher.drain()
    await open_tasks(book, 1)
    async with asyncio.timeout(60):
        assert await asyncio.gather(*waiting) == [[]] * len(waiting)
        assert await dispatcher.next(WorkerRequest(worker(1), 1), 600) == []
    assert (await book.task(TASK)).worker is None


async def test_a_claim_that_a_drain_finds_under_way_brings_its_worker_the_task(
    book: TaskBook, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_tasks(book, 1)
    run = book.run

    async def run_and_drain(operation: object) -> object:
        result = await run(operation)  # type: ignore[arg-type]
        dispatcher.drain()
        await asyncio.sleep(0)  # those who wait run before the result arrives
        return result

    monkeypatch.setattr(book, "run", run_and_drain)
    assert [each.task.task for each in await dispatcher.next(WorkerRequest(worker(1), 1), 600)] == [TASK]


async def test_a_request_that_ended_takes_no_task(book: TaskBook, dispatcher: Dispatcher) -> None:
    assert await dispatcher.next(WorkerRequest(worker(1), 1), 0.01) == []
    await open_tasks(book, 1)
    assert [each.task.task for each in await dispatcher.next(WorkerRequest(worker(2), 1), 5)] == [TASK]


async def test_a_task_reaches_the_worker_that_lost_it_after_the_pause_without_another_event(
    book: TaskBook, dispatcher: Dispatcher
) -> None:
    await open_tasks(book, 1)
    (first,) = await dispatcher.next(WorkerRequest(worker(1), 1), 0)
    waiting = asyncio.create_task(dispatcher.next(WorkerRequest(worker(1), 1), 10))
    fence = first.task.fence
    await book.apply(
        e.StageReported(at=time.time(), task=TASK, worker=worker(1), fence=fence, stage="failed", detail="")
    )
    (again,) = await waiting
    assert (again.task.task, again.task.fence) == (TASK, fence + 1)


async def test_many_tasks_and_workers_meet_once(book: TaskBook, dispatcher: Dispatcher) -> None:
    waiting = [asyncio.create_task(dispatcher.next(WorkerRequest(worker(number), 2), 20)) for number in range(150)]
    await open_tasks(book, 300)
    assignments: list[Assignment] = []
    for number, each in enumerate(waiting):
        taken = await each
        assert all(assignment.task.worker == worker(number) for assignment in taken)
        assignments += taken
    tasks = [each.task.task for each in assignments]
    assert sorted(tasks) == sorted(task_id(DEAL, index) for index in range(300))


async def test_a_database_that_fails_ends_the_requests_and_not_the_dispatcher(
    book: TaskBook, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> None:
        raise ServiceUnavailable("the database does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(book, "run", fail)
        with pytest.raises(ServiceUnavailable):
            await dispatcher.next(WorkerRequest(worker(1), 1), 5)
    await open_tasks(book, 1)
    assert await dispatcher.next(WorkerRequest(worker(1), 1), 5)


@pytest.mark.parametrize("wrong", [{"tag": "zz"}, {"memory": 2**64}])
async def test_a_request_that_cannot_be_claimed_for_takes_no_other_worker_with_it(
    book: TaskBook, dispatcher: Dispatcher, wrong: dict[str, Any]
) -> None:
    await open_tasks(book, 1)
    hostile = WorkerRequest(worker(1), 1, WorkerCapabilities(**wrong))
    refused, given = await asyncio.gather(
        dispatcher.next(hostile, 5), dispatcher.next(WorkerRequest(worker(2), 1), 5), return_exceptions=True
    )
    assert isinstance(refused, Exception)
    assert not isinstance(given, BaseException)
    assert [each.task.task for each in given] == [TASK]

"""Calls of one process share transactions, and each gets its own answer."""

import asyncio
import socket
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sql

from sealgrid.chain.blocks import BlockTrail
from sealgrid.errors import DatabaseUnavailable, InputRefused, LeadershipEnded, NotFound
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.database import POSTGRES_LIMITS
from sealgrid.pool.pool_store import TaskRows
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.sql_pool_store import SqlPoolStore
from sealgrid.pool.task_book import TaskBook
from sealgrid.units import TaskId
from tests.unit.pool.pool_scene import BLOCK, DEAL, MATCHED, TASK, assign, open_book, reported


def deal_of(size: int) -> list[e.AnyEvent]:
    ready = [e.TaskInitialized(at=2, task=task_id(DEAL, index)) for index in range(size)]
    return [msgspec.structs.replace(MATCHED, size=size), *ready]


async def test_what_was_applied_is_there_after_a_restart(tmp_path: Path) -> None:
    with open_book(tmp_path) as book:
        await book.apply_chain_events(deal_of(1), BlockTrail((BLOCK,)))
        await assign(book, at=3)
        await book.apply(reported("running", 4))
        before = await book.task(TASK)
    with open_book(tmp_path) as book:
        assert (await book.task(TASK), await book.read_trail()) == (before, BlockTrail((BLOCK,)))
        assert (await book.deal_of(TASK)).requester == MATCHED.requester


async def test_calls_that_arrive_together_share_a_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_book(tmp_path) as book:
        await book.apply_chain_events(deal_of(1), BlockTrail())
        await assign(book, at=3)
        begun: list[object] = []
        transaction = book._store.transaction
        monkeypatch.setattr(book._store, "transaction", lambda: begun.append(1) or transaction())
        await asyncio.gather(*(book.apply(reported("running", 4 + number)) for number in range(100)))
        assert (await book.task(TASK)).last_report == 103
        assert len(begun) <= 3


async def test_a_refused_call_gets_its_error_and_the_others_their_answer(tmp_path: Path) -> None:
    def broken(_: TaskRows) -> None:
        raise ZeroDivisionError

    with open_book(tmp_path) as book:
        await book.apply_chain_events(deal_of(1), BlockTrail())
        await assign(book, at=3)
        calls = [book.apply(reported("running", 4)), book.apply(reported("sealed", 5, fence=9)), book.run(broken)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(answer) for answer in answers] == [tuple, InputRefused, ZeroDivisionError]
        assert (await book.task(TASK)).stage == "running"


async def test_a_cancelled_call_does_not_stop_the_others(tmp_path: Path) -> None:
    with open_book(tmp_path) as book:
        await book.apply_chain_events(deal_of(1), BlockTrail())
        cancelled = asyncio.create_task(book.apply(e.ChainTimePassed(at=1, task=TASK, chain_now=0)))
        await asyncio.sleep(0)
        cancelled.cancel()
        assert await assign(book, at=3)


async def test_without_its_database_a_pool_says_so(tmp_path: Path) -> None:
    with open_book(tmp_path) as book:
        engine = sql.create_engine(f"sqlite:///{tmp_path}/tasks.sqlite")
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE pool_task")
        engine.dispose()
        for call in (book.apply(reported("running", 4)), book.task(TASK)):
            with pytest.raises(DatabaseUnavailable, match="database does not answer"):
                await call


def test_a_database_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="database does not answer"):
        SqlPoolStore(f"sqlite:///{tmp_path}/missing/tasks.sqlite", PoolRules())


def test_a_postgresql_that_accepts_a_connection_and_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POSTGRES_LIMITS, "connect_timeout", 2)  # libpq's least
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(DatabaseUnavailable, match="database does not answer"):
            SqlPoolStore(f"postgresql+psycopg://pool@{host}/pool", PoolRules())


@pytest.mark.parametrize("task", [TASK, "", "0x12", "\0", TASK.upper()])
async def test_an_unknown_task_is_not_found(tmp_path: Path, task: TaskId) -> None:
    with open_book(tmp_path) as book:
        for call in (book.task(task), book.deal_of(task)):
            with pytest.raises(NotFound):
                await call


async def test_who_waits_for_a_task_is_woken_by_its_change_and_by_no_other(tmp_path: Path) -> None:
    with open_book(tmp_path) as book:
        await book.apply_chain_events(deal_of(2), BlockTrail())
        with book.changes_of(TASK) as change:
            await book.apply(e.TaskFinalized(at=3, task=task_id(DEAL, 1)))
            assert not change.done()
            await book.apply(e.TaskFinalized(at=3, task=TASK))
            assert change.done()
        assert not book._task_waiters


async def test_who_waits_for_work_is_woken_by_a_new_deal(tmp_path: Path) -> None:
    with open_book(tmp_path) as book:
        waiting = asyncio.create_task(book.wait_for_work(30))
        await asyncio.sleep(0)
        await book.apply_chain_events([MATCHED], BlockTrail())
        await asyncio.wait_for(waiting, 5)


@pytest.fixture
def announced(tmp_path: Path) -> list[str]:
    return []


async def test_waiting_workers_are_announced_when_one_may_get_a_task(tmp_path: Path, announced: list[str]) -> None:
    async def after(book: TaskBook, event: e.AnyEvent) -> bool:
        announced.clear()
        await (
            book.apply(event) if isinstance(event, e.WorkerEvent) else book.apply_chain_events([event], BlockTrail())
        )
        return bool(announced)

    with open_book(tmp_path) as book:
        book.on_assignable(lambda: announced.append("assignable"))
        assert not await after(book, MATCHED)
        assert await after(book, e.TaskInitialized(at=2, task=TASK))
        await assign(book, at=3)
        assert not await after(book, reported("running", 4))
        assert await after(book, e.TaskFinalized(at=5, task=TASK)), "its worker may have another one"


async def test_a_leader_of_an_earlier_epoch_changes_nothing(tmp_path: Path) -> None:
    with open_book(tmp_path) as former, open_book(tmp_path) as present:
        for call in (
            former.apply_chain_events(deal_of(1), BlockTrail((BLOCK,))),
            former.expire(1.0, 1),
            former.lead(lambda rows: rows.save_trail(BlockTrail((BLOCK,)))),
        ):
            with pytest.raises(LeadershipEnded):
                await call
        assert await present.read_trail() is None
        await present.apply_chain_events(deal_of(1), BlockTrail((BLOCK,)))
        assert (await former.task(TASK)).initialized, "every process reads and assigns"
        assert await assign(former, at=3)


async def test_a_process_that_never_led_changes_nothing_as_a_leader(tmp_path: Path) -> None:
    with open_book(tmp_path) as book:
        book.epoch = None
        with pytest.raises(LeadershipEnded):
            await book.expire(1.0, 1)

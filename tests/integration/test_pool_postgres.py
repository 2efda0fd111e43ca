"""A pool's tasks in PostgreSQL: the same answers as in memory, replicas, and what survives a crash."""

import asyncio
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import msgspec
import psycopg
import pytest
import sqlalchemy as sql
from hypothesis import settings

from sealgrid.chain.blocks import Block, BlockTrail
from sealgrid.errors import LeadershipEnded
from sealgrid.localnet.postgres_server import USER, PostgresServer, postgres_server
from sealgrid.poco.ids import task_id
from sealgrid.pool import events as e
from sealgrid.pool.admission import AdmittedWorkers
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.claims import WorkerRequest
from sealgrid.pool.dispatcher import Dispatcher
from sealgrid.pool.operations import apply_events
from sealgrid.pool.pool_store import PoolStore
from sealgrid.pool.replicas import follow_clock, hear, lead
from sealgrid.pool.rules import PoolRules
from sealgrid.pool.sql_pool_store import SqlPoolStore
from sealgrid.pool.task_book import TaskBook
from sealgrid.pool.task_queries import assignable
from sealgrid.pool.task_queue import fill_queue
from sealgrid.units import Address, DealId, TaskId, to_address, to_digest
from sealgrid.wire.pool import WorkerCapabilities
from tests.examples import examples
from tests.unit.pool.pool_scene import BLOCK, DEAL, MATCHED, TASK
from tests.unit.pool.test_pool_stores import RULES, StoreCommands

LIMITED = ("statement_timeout", "idle_in_transaction_session_timeout")
ENDLESS = PoolRules(lease=10**6, retry=10**6)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with (
        tempfile.TemporaryDirectory(prefix="sealgrid-pg-") as folder,
        postgres_server(Path(folder, "data"), Path(folder, "log"), "fsync=off") as server,
    ):
        StoresWithPostgres.url = server.url
        yield server


@pytest.fixture
def url(server: PostgresServer) -> str:
    drop_tables(server.url)
    return server.url


def drop_tables(url: str) -> None:
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sql.text("DROP SCHEMA public CASCADE"))
        connection.execute(sql.text("CREATE SCHEMA public"))
    engine.dispose()


class StoresWithPostgres(StoreCommands):
    """Compares PostgreSQL with the store in memory, too."""

    url = ""

    def other_stores(self, folder: Path) -> list[PoolStore]:
        drop_tables(self.url)
        return [*super().other_stores(folder), SqlPoolStore(self.url, RULES)]


def test_postgresql_answers_as_sqlite_and_memory_do(server: PostgresServer) -> None:
    case = StoresWithPostgres.TestCase
    case.settings = settings(max_examples=examples(6, 40), stateful_step_count=40, deadline=None)
    case().runTest()


async def test_every_session_ends_statements_and_transactions_that_hang(url: str) -> None:
    store = SqlPoolStore(url, RULES)
    with store._engine.connect() as connection:
        shown = [connection.execute(sql.text(f"SHOW {name}")).scalar() for name in LIMITED]
    async with await psycopg.AsyncConnection.connect(**store.connect_arguments()) as session:
        row = [await (await session.execute(f"SHOW {name}")).fetchone() for name in LIMITED]  # type: ignore[arg-type]
    store.close()
    assert shown == [each[0] for each in row if each] == ["30s", "30s"]


def test_a_claim_sorts_no_queue_whose_length_the_statistics_do_not_know(url: str) -> None:
    store = SqlPoolStore(url, RULES)
    deals = [deal_of(200, number) for number in range(1, 31)]
    with store.transaction() as rows:
        for events in deals:
            apply_events(rows, events[:1], ENDLESS)
    engine = sql.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sql.text("ANALYZE"))  # no task is in the queue
    with store.transaction() as rows:
        for events in deals:
            apply_events(rows, events[1:], ENDLESS)
        after = fill_queue(rows, 1, ENDLESS)
        while after is not None:
            after = fill_queue(rows, 1, ENDLESS, after)
    capabilities = (WorkerCapabilities(),)
    bounds = {"closing": 0, "limit": 8, "start_by": 2**60}
    with engine.connect() as connection:
        for urgent in (False, True):
            statement = assignable(capabilities, urgent=urgent, paged=False)
            text = str(statement.compile(connection, compile_kwargs={"render_postcompile": True}))
            plan = connection.exec_driver_sql(f"EXPLAIN {text}", statement.compile(connection).construct_params(bounds))
            steps = "\n".join(row[0] for row in plan)
            assert "Sort" not in steps
            assert f"using pool_task_{'urgent' if urgent else 'ready'}" in steps
    engine.dispose()
    store.close()


class Replica:
    """One process of a pool."""

    def __init__(self, url: str, rules: PoolRules = ENDLESS) -> None:
        self.store = SqlPoolStore(url, rules)
        self.book, self.clock = TaskBook(self.store, rules), ChainClock()
        self.dispatcher = Dispatcher(self.book, self.clock, time.time)
        self.led = asyncio.Event()
        self.running: list[asyncio.Task[None]] = []

    async def _work(self) -> None:
        self.led.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.led.clear()

    def start(self) -> None:
        for each in (
            lead(self.store, self.book, self._work),
            hear(self.store, self.book),
            follow_clock(self.store, self.book, self.clock),
        ):
            self.running.append(asyncio.create_task(each))

    async def close(self) -> None:
        for each in self.running:
            each.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        self.book.close()
        self.store.close()


@pytest.fixture
async def replicas(url: str) -> AsyncIterator[tuple[Replica, Replica]]:
    first, second = Replica(url), Replica(url)
    yield first, second
    await first.close()
    await second.close()


def worker(number: int) -> Address:
    return to_address((number + 1).to_bytes(20, "big"))


def deal_of(size: int, number: int = 0) -> list[e.AnyEvent]:
    matched = msgspec.structs.replace(
        MATCHED, size=size, deal=DealId(to_digest(number.to_bytes(32, "big"))) if number else DEAL
    )
    return [matched, *(e.TaskInitialized(at=2, task=task_id(matched.deal, index)) for index in range(size))]


async def test_one_replica_leads_and_the_other_follows_when_its_session_ends(
    url: str, replicas: tuple[Replica, Replica]
) -> None:
    first, second = replicas
    first.start()
    await asyncio.wait_for(first.led.wait(), 10)
    second.start()
    await asyncio.sleep(0.6)
    assert not second.led.is_set()
    former = first.book.epoch
    first.running[0].cancel()  # its process hangs: the session ends
    await asyncio.wait_for(second.led.wait(), 10)
    assert second.book.epoch > (former or 0)
    first.book.epoch = former  # it wakes, and believes to lead
    with pytest.raises(LeadershipEnded):
        await first.book.apply_chain_events(deal_of(1), BlockTrail((BLOCK,)))
    assert await second.book.read_trail() is None


async def test_a_leader_whose_session_is_cut_leads_again_under_a_new_number(
    url: str, replicas: tuple[Replica, Replica]
) -> None:
    first, _ = replicas
    first.start()
    await asyncio.wait_for(first.led.wait(), 10)
    former = first.book.epoch or 0
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            sql.text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        )
    engine.dispose()
    async with asyncio.timeout(10):
        while (first.book.epoch or 0) <= former:
            await asyncio.sleep(0.05)
    await asyncio.wait_for(first.led.wait(), 10)


async def test_a_leader_whose_work_fails_leads_again(replicas: tuple[Replica, Replica]) -> None:
    first, _ = replicas
    began: list[int] = []

    async def work() -> None:
        began.append(1)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())

    async def fail() -> None:
        raise LeadershipEnded("another process is the leader.")

    leading = asyncio.ensure_future(lead(first.store, first.book, work))
    async with asyncio.timeout(10):
        while len(began) < 2:
            await asyncio.sleep(0.05)
    assert not leading.done()
    leading.cancel()


async def test_a_worker_that_waits_at_one_replica_gets_the_task_that_the_other_opened(
    replicas: tuple[Replica, Replica],
) -> None:
    first, second = replicas
    first.start()
    await asyncio.wait_for(first.led.wait(), 10)
    second.start()
    waiting = asyncio.create_task(second.dispatcher.next(WorkerRequest(worker(1), 1), 20))
    await asyncio.sleep(0.3)
    with second.book.changes_of(TASK) as change:
        await first.book.apply_chain_events(deal_of(1), BlockTrail((BLOCK,)))
        assert [each.task.task for each in await waiting] == [TASK]
        await first.book.apply(e.TaskFinalized(at=3, task=TASK))
        await asyncio.wait_for(change, 10)
    assert (await second.book.task(TASK)).stage == "completed"


async def test_a_replica_that_does_not_lead_takes_the_chains_clock_from_the_leaders_blocks(
    replicas: tuple[Replica, Replica],
) -> None:
    first, second = replicas
    first.start()
    await asyncio.wait_for(first.led.wait(), 10)
    second.start()
    ahead = Block(number=9, hash=BLOCK.hash, parent=BLOCK.parent, timestamp=int(time.time()) + 5000)
    await first.book.apply_chain_events([], BlockTrail((ahead,)))
    async with asyncio.timeout(10):
        while second.clock.now(time.time()) < ahead.timestamp:
            await asyncio.sleep(0.05)


async def test_replicas_that_claim_at_once_give_no_task_twice(replicas: tuple[Replica, Replica]) -> None:
    tasks, workers = 400, 100
    first, second = replicas
    await first.book.begin_epoch()
    await first.book.apply_chain_events(deal_of(tasks), BlockTrail())

    async def take(number: int) -> list[TaskId]:
        mine: list[TaskId] = []
        replica = replicas[number % 2]
        while got := await replica.dispatcher.next(WorkerRequest(worker(number), 3), 0):
            assert all(each.task.worker == worker(number) for each in got)
            mine += [each.task.task for each in got]
        return mine

    taken = [task for mine in await asyncio.gather(*map(take, range(workers))) for task in mine]
    assert len(taken) == len(set(taken))
    rest = [task for mine in await asyncio.gather(*map(take, range(workers))) for task in mine]
    assert sorted(taken + rest) == sorted(task_id(DEAL, index) for index in range(tasks))
    del second


def test_replicas_admit_one_worker_by_an_invitation(url: str) -> None:
    nonce = to_digest(b"\x01" * 32)
    with closing(AdmittedWorkers(url)) as one, closing(AdmittedWorkers(url)) as other:
        assert one.admit(worker(1), nonce, 1.0)
        assert worker(1) in other
        assert not other.admit(worker(2), nonce, 2.0)
        assert worker(2) not in one


@contextmanager
def primary_with_synchronous_standby(folder: Path) -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """Run two servers, of which the second has every commit before the first acknowledges it."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(tempfile.TemporaryDirectory(prefix="sealgrid-pg-")) for _ in range(2)]
        first = PostgresServer(folder / "one", Path(sockets[0]), folder / "one.log")
        second = PostgresServer(folder / "two", Path(sockets[1]), folder / "two.log")
        first.initialize()
        first.start("wal_level=replica", "hot_standby=on", "synchronous_commit=remote_write")
        stack.callback(first.stop)
        second.run("pg_basebackup", "-h", sockets[0], "-U", USER, "-D", str(second.data), "-R", "-c", "fast")
        second.start(
            f"primary_conninfo=host={sockets[0]} user={USER} application_name=standby",
            "wal_retrieve_retry_interval=200ms",
        )
        stack.callback(second.stop)
        engine = sql.create_engine(first.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sql.text("ALTER SYSTEM SET synchronous_standby_names = 'standby'"))
            connection.execute(sql.text("SELECT pg_reload_conf()"))
            synchronous = sql.text("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
            ends = time.monotonic() + 20
            while not connection.execute(synchronous).scalar():
                assert time.monotonic() < ends, "the standby does not follow"
                time.sleep(0.05)
        engine.dispose()
        yield first, second


async def test_nothing_that_was_acknowledged_is_lost_when_the_primary_is_killed_and_the_standby_promoted(
    tmp_path: Path,
) -> None:
    tasks = 300
    with primary_with_synchronous_standby(tmp_path) as (primary, standby):
        hosts = f"host={primary.socket_folder}&host={standby.socket_folder}&target_session_attrs=read-write"
        replica = Replica(f"postgresql+psycopg://{USER}@/postgres?{hosts}")
        replica.start()
        try:
            await asyncio.wait_for(replica.led.wait(), 20)
            former = replica.book.epoch or 0
            await replica.book.apply_chain_events(deal_of(tasks), BlockTrail((BLOCK,)))
            acknowledged: dict[TaskId, int] = {}

            async def take(number: int) -> None:
                while got := await replica.dispatcher.next(WorkerRequest(worker(number), 1), 0):
                    task = got[0].task
                    assert task.task not in acknowledged
                    await replica.book.apply(
                        e.StageReported(at=3, task=task.task, worker=worker(number), fence=task.fence, stage="running")
                    )
                    acknowledged[task.task] = task.fence
                    await asyncio.sleep(0.01)

            working = asyncio.gather(*map(take, range(4)))
            while len(acknowledged) < tasks // 4:
                await asyncio.sleep(0.01)
            before = len(acknowledged)
            primary.kill()
            await asyncio.to_thread(standby.run, "pg_ctl", "promote", "-D", str(standby.data), "-w")
            await asyncio.wait_for(working, 60)
            assert len(acknowledged) > before, "it went on"
            for task, fence in acknowledged.items():
                known = await replica.book.task(task)
                assert (known.stage, known.fence) == ("running", fence)
            async with asyncio.timeout(20):
                while (replica.book.epoch or 0) <= former:
                    await asyncio.sleep(0.05)
        finally:
            await replica.close()
    assert threading.active_count() < 50

"""A pool over HTTP, with tasks that do nothing: claims and reports a second, and how long an idle worker's task takes.

The workers are in this process, each with its own login. One call of a worker reports its tasks as finalizing, and asks
for the next ones. The chain is replaced (see ``pool_process``). SQLite and PostgreSQL write to the disk before the pool
answers.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import sqlalchemy as sql

from bench import calibration
from bench.context import Context
from bench.figure import Figure, NotMeasured, Row, Target
from bench.pool_tasks import DEAL_SIZE, DOMAIN, POOL, deal, fill, worker_key
from bench.processes import cpu_seconds
from sealgrid.localnet.postgres_server import postgres_server
from sealgrid.poco.ids import task_id
from sealgrid.units import TaskId
from sealgrid.wire.http_transport import parse_error
from sealgrid.wire.pool import JobAssignment, NextJob, PoolClient, StageReport
from sealgrid.worker.signed_pool_client import SignedPoolClient

SQLITE_RATE, POSTGRES_RATE = Target("≥", 1000.0), Target("≥", 700.0)  #: tasks a second
ASSIGN, RESTART, MEMORY = Target("≤", 20.0), Target("≤", 2.0), Target("≤", 300.0)  #: ms, s, MB
SLOTS: Final = 20  #: of a worker
CLIENTS: Final = 10  #: workers that work at the same time
IDLE: Final = 1000
OFFERED: Final = 200  #: tasks a second that become ready for idle workers
WARM_SECONDS: Final = 2.0  #: before a rate is measured
STEP_SECONDS: Final = 0.05


async def measure_sqlite(context: Context) -> Figure:
    """Measure one process on SQLite."""
    beside = calibration.cpu()
    seconds = context.either(3.0, 6.0)
    rows: list[Row] = []
    few, many = context.either((10_000, 20_000), (10_000, 200_000))
    for queued in (few, many):
        database = f"sqlite:///{context.folder}/pool-{queued}.sqlite"
        fill(database, max(queued, few))
        async with pool(database) as process:
            load = Load(seconds, goal=SQLITE_RATE if queued == many else None, beside=beside)
            rows += await _rate(f"{queued:,} queued", [process], load)
            if queued == many:
                rows += await _rate(f"{queued:,} queued", [process], Load(seconds, slots=1))
                many_workers = context.either(200, IDLE)
                rows += await _rate(f"{queued:,} queued", [process], Load(seconds, clients=many_workers))
                memory = (process.memory(),)
                rows.append(Row(label=f"memory with {queued:,} queued", unit="MB", samples=memory, target=MEMORY))
        if queued == many:
            rows.append(await _restart(database, queued))
    return Figure("pool on SQLite", tuple(rows), "pool and load share this machine's processors; tasks do nothing")


async def measure_postgres(context: Context) -> Figure:
    """Measure two processes on one PostgreSQL, which writes to the disk before it answers."""
    beside, seconds = calibration.cpu(), context.either(3.0, 6.0)
    few, many = context.either((10_000, 20_000), (10_000, 200_000))
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory(prefix="sealgrid-pg-") as folder,
        postgres_server(Path(folder, "data"), Path(folder, "log")) as server,
    ):
        for queued in (few, many):
            _drop_tables(server.url)
            fill(server.url, queued)
            _analyze(server.url)
            async with pool(server.url) as first, pool(server.url) as second:
                both = [first, second]
                load = Load(seconds, goal=POSTGRES_RATE if queued == many else None, beside=beside)
                rows += await _rate(f"{queued:,} queued", both, load)
                if queued == many:
                    rows += await _rate(f"{queued:,} queued", both, Load(seconds, slots=1))
    return Figure("pool on PostgreSQL, 2 replicas", tuple(rows), "as above; the database shares them, too")


async def measure_idle(context: Context) -> Figure:
    """Measure how long a task takes from its initialisation to one of many idle workers."""
    beside, seconds, idle = calibration.cpu(), context.either(3, 10), context.either(300, IDLE)
    database = f"sqlite:///{context.folder}/pool-idle.sqlite"
    count = OFFERED * seconds
    fill(database, count, initialized=False)
    async with pool(database) as process:
        waiting = await _waiters([process], idle)
        begun: dict[TaskId, float] = {}
        step = int(OFFERED * STEP_SECONDS)
        started = time.perf_counter()
        for first in range(0, count, step):
            matched, place = deal(first // DEAL_SIZE), first % DEAL_SIZE
            for index in range(place, place + step):
                begun[task_id(matched.deal, index)] = time.perf_counter()
            process.initialise(f"{matched.deal} {place} {step}")
            await asyncio.sleep(max(0.0, started + (first + step) / OFFERED - time.perf_counter()))
        async with asyncio.timeout(30):
            while len(waiting.received) < count:
                await asyncio.sleep(0.05)
        await waiting.close()
        samples = tuple(1000 * (waiting.received[task] - at) for task, at in begun.items())
    return Figure(
        "pool with idle workers",
        (
            Row(label=f"assign, {OFFERED} tasks/s, {idle} idle", unit="ms", samples=samples, temperature="warm"),
            Row(
                label=f"assign, {OFFERED} tasks/s, {idle} idle",
                unit="ms",
                samples=samples,
                shown="p95",
                temperature="warm",
                target=ASSIGN,
                calibration=beside,
            ),
        ),
        "from the chain's event at the pool to the worker's answer",
    )


@dataclass
class Process:
    """A pool process."""

    url: str
    process: asyncio.subprocess.Process

    def memory(self) -> float:
        """Return its resident memory in MB (10^6 bytes)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def initialise(self, line: str) -> None:
        """Initialise tasks (see ``pool_process``)."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())


@asynccontextmanager
async def pool(database: str) -> AsyncIterator[Process]:
    """Run a pool process on a database."""
    process = await _start(database)
    try:
        yield process
    finally:
        if process.process.returncode is None:
            process.process.terminate()
        await process.process.wait()


async def _start(database: str) -> Process:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "bench.pool_process", database, str(IDLE))
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert child.stdout is not None
    url = (await child.stdout.readline()).decode().strip()
    if not url:
        raise NotMeasured("the pool process did not start.")
    return Process(url, child)


async def _restart(database: str, queued: int) -> Row:
    killed = await _start(database)
    killed.process.kill()
    await killed.process.wait()
    begun = time.perf_counter()
    async with pool(database) as process, aiohttp.ClientSession() as session, session.get(f"{process.url}/pool") as got:
        await got.read()
        seconds = time.perf_counter() - begun
    label = f"killed, to serving again, {queued:,} queued"
    return Row(label=label, unit="s", samples=(seconds,), temperature="cold", target=RESTART)


class _Wire:
    """A transport with little cost of its own."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        try:
            return await self._request(method, path, body, headers)
        except aiohttp.ServerDisconnectedError:  # a connection that was idle for too long
            return await self._request(method, path, body, headers)

    async def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str] | None) -> bytes:
        async with self._session.request(method, self._url + path, data=body, headers=headers) as response:
            content = await response.read()
            if response.status != 200:
                raise parse_error(content, response.status)
            return content


async def _log_in(session: aiohttp.ClientSession, processes: list[Process], count: int) -> list[SignedPoolClient]:
    clients = [
        SignedPoolClient(
            PoolClient(_Wire(session, processes[number % len(processes)].url)),
            worker_key(number),
            DOMAIN,
            POOL,
            lambda: int(time.time()),
        )
        for number in range(count)
    ]
    for start in range(0, count, 50):
        await asyncio.gather(*(client.exchange(NextJob(slots=0)) for client in clients[start : start + 50]))
    return clients


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=60))


def _done(jobs: tuple[JobAssignment, ...]) -> tuple[StageReport, ...]:
    return tuple(StageReport(task=job.task, fence=job.fence, stage="finalizing") for job in jobs)


@dataclass(frozen=True)
class Load:
    """Workers that work at the same time, each with some slots, for some seconds."""

    seconds: float
    slots: int = SLOTS
    clients: int = CLIENTS
    goal: Target | None = None
    beside: str = ""


async def _rate(queued: str, processes: list[Process], load: Load) -> list[Row]:
    """Let workers take and report tasks for some time; each second is one sample."""
    finished: list[float] = []

    async def work(client: SignedPoolClient, ends: float) -> None:
        jobs: tuple[JobAssignment, ...] = ()
        while time.perf_counter() < ends:
            reply = await client.exchange(NextJob(wait=1.0, slots=load.slots, reports=_done(jobs)))
            if reply.refused:
                raise NotMeasured(f"the pool refused a report: {reply.refused[0].reason}")
            finished.extend([time.perf_counter()] * len(jobs))
            jobs = reply.jobs
        await client.exchange(NextJob(wait=0.0, slots=0, reports=_done(jobs)))

    async with _session() as session:
        clients = await _log_in(session, processes, load.clients)
        begun = time.perf_counter() + WARM_SECONDS
        before = sum(cpu_seconds(each.process.pid) for each in processes)
        await asyncio.gather(*(work(client, begun + load.seconds) for client in clients))
        spent = sum(cpu_seconds(each.process.pid) for each in processes) - before
    counts = [sum(begun + second <= at < begun + second + 1 for at in finished) for second in range(int(load.seconds))]
    if not finished:
        raise NotMeasured("no task was reported.")
    what = f"{queued}, {load.clients} workers, {load.slots} a call"
    return [
        Row(
            label=f"tasks claimed and reported, {what}",
            unit="1/s",
            samples=tuple(map(float, counts)),
            temperature="warm",
            target=load.goal,
            calibration=load.beside,
        ),
        Row(label=f"the pool's processor time a task, {what}", unit="ms", samples=(1000 * spent / len(finished),)),
    ]


@dataclass
class _Waiting:
    workers: list[asyncio.Task[None]]
    stack: AsyncExitStack
    received: dict[TaskId, float] = field(default_factory=dict)

    async def close(self) -> None:
        for each in self.workers:
            each.cancel()
        await asyncio.gather(*self.workers, return_exceptions=True)
        await self.stack.aclose()


async def _waiters(processes: list[Process], count: int) -> _Waiting:
    """Let workers wait for tasks, of which each takes one at a time."""
    stack = AsyncExitStack()
    waiting = _Waiting([], stack)
    session = await stack.enter_async_context(_session())

    async def wait(client: SignedPoolClient) -> None:
        jobs: tuple[JobAssignment, ...] = ()
        while True:
            jobs = (await client.exchange(NextJob(wait=30.0, reports=_done(jobs)))).jobs
            waiting.received.update((job.task, time.perf_counter()) for job in jobs)

    clients = await _log_in(session, processes, count)
    waiting.workers.extend(asyncio.ensure_future(wait(client)) for client in clients)
    await asyncio.sleep(1.0)
    return waiting


def _drop_tables(url: str) -> None:
    _run(url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")


def _analyze(url: str) -> None:
    _run(url, "VACUUM ANALYZE")


def _run(url: str, *statements: str) -> None:
    engine = sql.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sql.text(statement))
    engine.dispose()

"""Requests of workers to a pool."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sealgrid.attestation.statements import poco_authorisation
from sealgrid.chain.blocks import BlockTrail
from sealgrid.crypto.signing import SigningKey, personal_digest, recover
from sealgrid.errors import CallRefused, InputRefused
from sealgrid.poco.ids import task_id
from sealgrid.pool import dispatcher, service
from sealgrid.pool import events as e
from sealgrid.pool.chain_reader import ChainClock
from sealgrid.pool.claims import WorkerRequest, claim
from sealgrid.pool.service import MAX_REPORTS, MAX_SLOTS, TaskService
from sealgrid.pool.task_book import TaskBook
from sealgrid.pool.worker_sessions import AllowedWorkers
from sealgrid.units import ZERO_ADDRESS, Address, to_address
from sealgrid.wire.message import Message, encode
from sealgrid.wire.pool import (
    CommitReply,
    CommitRequest,
    JobAssignment,
    JobReply,
    NextJob,
    PublicJob,
    StageReport,
    WorkerCapabilities,
)
from sealgrid.wire.worker_session import SessionCall, call_mac, login_info
from tests.unit.pool.pool_scene import (
    BLOCK,
    DEAL,
    DOMAIN,
    MATCHED,
    POOL,
    TASK,
    WORKER,
    WORKERS,
    Clock,
    open_book,
    signed_login,
)

FIRST = to_address(b"\x0b" * 20)


class Session:
    """A worker's session at a service."""

    def __init__(self, service: TaskService, by: SigningKey = WORKER) -> None:
        login, key = signed_login(by=by)
        opened = service.login(login)
        self.service, self.name, self.number = service, opened.session, 0
        self.key = key.open(opened.sealed, login_info(opened.session, login.signature))

    def call(self, path: str, message: Message) -> SessionCall:
        self.number += 1
        payload = encode(message)
        mac = call_mac(self.key, path, self.number, payload)
        return SessionCall(session=self.name, number=self.number, mac=mac, payload=payload)

    async def next(self, wait: float = 0, slots: int = 1, *reports: StageReport) -> JobReply:
        message = NextJob(wait=wait, slots=slots, reports=reports)
        return await self.service.next_jobs(self.call("/jobs/next", message))

    async def commit(self, job: JobAssignment, wait: float = 0) -> CommitReply:
        message = CommitRequest(task=job.task, fence=job.fence, result_hash=DEAL, result_seal=DEAL, wait=wait)
        return await self.service.commit(self.call("/jobs/commitment", message))


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[TaskBook]:
    with open_book(tmp_path) as book:
        yield book


@pytest.fixture
def session(book: TaskBook) -> Session:
    return Session(TaskService(book, ChainClock(), WORKERS, SigningKey.generate(), clock=Clock()))


async def open_tasks(book: TaskBook, number: int = 1) -> None:
    ready = [e.TaskInitialized(at=2, task=task_id(DEAL, index)) for index in range(number)]
    matched = msgspec.structs.replace(MATCHED, size=number)
    await book.apply_chain_events([matched, *ready], BlockTrail((BLOCK,)))


async def test_a_waiting_worker_is_woken_by_the_deal_itself(
    book: TaskBook, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "_RECHECK_SECONDS", 3600.0)  # which would find the task, too
    waiting = asyncio.create_task(session.next(wait=5))
    async with asyncio.timeout(60):
        while not any(each.tried.is_set() for each in session.service._dispatcher._waiters):
            await asyncio.sleep(0.001)
    assert not waiting.done()
    await open_tasks(book)
    (job,) = (await waiting).jobs
    assert (job.task, job.fence) == (TASK, 1)


async def test_one_call_reports_for_all_slots_and_brings_new_jobs(book: TaskBook, session: Session) -> None:
    await open_tasks(book, 3)
    first = (await session.next(0, 2)).jobs
    assert [job.index for job in first] == [0, 1]
    running = [StageReport(task=job.task, fence=job.fence, stage="running") for job in first]
    late = StageReport(task=first[0].task, fence=7, stage="sealed")
    reply = await session.next(0, 1, *running, late)
    assert [job.index for job in reply.jobs] == [2]
    assert [(each.task, each.fence) for each in reply.refused] == [(first[0].task, 7)]
    assert [(await book.task(job.task)).stage for job in first] == ["running", "running"]


async def test_a_call_without_free_slots_answers_at_once_and_brings_nothing(book: TaskBook, session: Session) -> None:
    await open_tasks(book)
    assert (await session.next(30, 0)) == JobReply()


async def test_a_call_for_too_much_is_refused(session: Session) -> None:
    report = StageReport(task=TASK, fence=1, stage="running")
    for slots, reports in ((MAX_SLOTS + 1, ()), (-1, ()), (1, [report] * (MAX_REPORTS + 1))):
        with pytest.raises(InputRefused, match="one call has at most"):
            await session.next(0, slots, *reports)


async def test_3_a_pool_without_a_list_admits_no_worker_and_counts_none(book: TaskBook) -> None:
    nobody = AllowedWorkers(domain=DOMAIN, pool=POOL, allowed=frozenset())
    task_service = TaskService(book, ChainClock(), nobody, SigningKey.generate(), clock=Clock())
    with pytest.raises(CallRefused) as refused:
        task_service.login(signed_login()[0])
    assert (refused.value.check, task_service.view().workers) == ("3", 0)


async def no_score(worker: Address) -> int:
    return 0


async def commits(book: TaskBook, *, agreements: int, draw: float) -> tuple[CommitReply, TaskService]:
    """Let the worker commit to the only result of a task without a TEE, at a pool that promises two."""
    key = SigningKey.from_bytes(b"\x09" * 32)
    service = TaskService(book, ChainClock(), WORKERS, key, score_of=no_score, clock=Clock(), draw=lambda: draw)
    matched = msgspec.structs.replace(MATCHED, size=2, replicated=True, params="{}", stake=300)
    await book.apply_chain_events([matched, e.TaskInitialized(at=2, task=TASK)], BlockTrail((BLOCK,)))
    for _ in range(agreements):
        await book.run(lambda rows: rows.add_agreement(WORKER.address, MATCHED.app, 1.0))
    session = Session(service)
    (job,) = (await session.next()).jobs
    assert job.public == PublicJob(
        params="{}", bot_first=0, bot_size=2, stake=300, final_deadline=MATCHED.final_deadline
    )
    first = await session.commit(job)
    assert first == await session.commit(job), "a repeated commitment changes nothing"
    return first, service


async def test_a_first_result_waits_for_another_worker(book: TaskBook) -> None:
    reply, _ = await commits(book, agreements=10, draw=0.05)
    assert reply == CommitReply(step="wait")


async def test_a_trusted_worker_gets_the_signature_that_lets_it_contribute_without_an_enclave(book: TaskBook) -> None:
    reply, service = await commits(book, agreements=10, draw=0.5)
    assert reply.step == "contribute"
    message = personal_digest(poco_authorisation(WORKER.address, TASK, ZERO_ADDRESS))
    assert recover(message, reply.authorisation) == service.view().owner


async def waiting_second(book: TaskBook) -> tuple[Session, JobAssignment]:
    """Let another worker be the first of two that agree; return the session and job of the second."""
    matched = msgspec.structs.replace(MATCHED, replicated=True, trust=3)
    await book.apply_chain_events([matched, e.TaskInitialized(at=2, task=TASK)], BlockTrail((BLOCK,)))
    (first,) = (await book.run(lambda rows: claim(rows, [WorkerRequest(FIRST)], 2.0, 2, book.rules))).assignments
    names = {"task": TASK, "worker": FIRST, "result_hash": DEAL}
    await book.apply(e.ResultCommitted(at=2, fence=first.task.fence, result_seal=DEAL, score=0, **names))
    session = Session(TaskService(book, ChainClock(), WORKERS, SigningKey.generate(), score_of=no_score, clock=Clock()))
    (job,) = (await session.next()).jobs
    return session, job


async def test_a_worker_that_waits_is_woken_by_the_contribution_before_its_own(book: TaskBook) -> None:
    session, job = await waiting_second(book)
    waiting = asyncio.create_task(session.commit(job, wait=30))
    async with asyncio.timeout(20):
        while not book._task_waiters:
            await asyncio.sleep(0.001)
        await book.apply(e.ResultContributed(at=3, task=TASK, worker=FIRST, result_hash=DEAL))
        assert (await waiting).step == "contribute"


@pytest.mark.parametrize("bound", ["MAX_COMMIT_WAITS", "MAX_COMMIT_WAITS_OF_WORKER"])
async def test_a_worker_waits_with_few_commitments_at_one_time(
    book: TaskBook, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    session, job = await waiting_second(book)
    monkeypatch.setattr(service, bound, 1)
    waiting = asyncio.create_task(session.commit(job, wait=30))
    async with asyncio.timeout(20):
        while not book._task_waiters:
            await asyncio.sleep(0.001)
        assert (await session.commit(job, wait=30)).step == "wait"
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert session.service._commit_waits.total() == 0


async def test_a_pool_without_scores_takes_no_commitment(book: TaskBook, session: Session) -> None:
    await open_tasks(book)
    (job,) = (await session.next()).jobs
    with pytest.raises(InputRefused, match="runs tasks in enclaves only"):
        await session.commit(job)


async def test_a_drained_pool_takes_reports_and_gives_no_task(book: TaskBook, session: Session) -> None:
    await open_tasks(book, 2)
    (job,) = (await session.next()).jobs
    session.service.drain()
    async with asyncio.timeout(60):
        reply = await session.next(600, 1, StageReport(task=job.task, fence=job.fence, stage="running"))
    assert reply == JobReply(jobs=(), refused=())
    assert (await book.task(job.task)).stage == "running"


async def test_a_drain_answers_a_worker_that_waits_for_other_commitments(book: TaskBook) -> None:
    session, job = await waiting_second(book)
    waiting = asyncio.create_task(session.commit(job, wait=600))
    async with asyncio.timeout(60):
        while not book._task_waiters:
            await asyncio.sleep(0.001)
        session.service.drain()
        assert (await waiting).step == "wait"


async def test_a_drain_answers_a_requester_that_waits_for_stages(book: TaskBook, session: Session) -> None:
    await open_tasks(book)
    before = await session.service.stages(TASK)
    waiting = asyncio.create_task(session.service.stages(TASK, after=99, wait=600))
    async with asyncio.timeout(60):
        while not book._task_waiters:
            await asyncio.sleep(0.001)
        session.service.drain()
        assert await waiting == before
        assert len((await session.service.wait_for_status(TASK, after=99, wait=600)).history) <= 99


async def test_join_4_a_worker_whose_bond_is_gone_reports_and_gets_no_task(book: TaskBook) -> None:
    class Bonds:
        refusal: CallRefused | None = None

        async def require_of_member(self, worker: Address) -> None:
            if self.refusal is not None:
                raise self.refusal

    await open_tasks(book, 2)
    bonds = Bonds()
    session = Session(TaskService(book, ChainClock(), WORKERS, SigningKey.generate(), bonds=bonds, clock=Clock()))  # type: ignore[arg-type]
    (job,) = (await session.next()).jobs
    bonds.refusal = CallRefused("join.4", "its escrow is empty.")
    running = StageReport(task=job.task, fence=job.fence, stage="running")
    with pytest.raises(CallRefused, match="its escrow is empty"):
        await session.next(0, 1, running)
    assert (await book.task(job.task)).stage == "running"
    assert await session.next(0, 0) == JobReply(), "a call without free slots needs none"


@pytest.mark.parametrize(
    "wrong",
    [
        {"tag": "zz"},
        {"tag": "0x12"},
        {"memory": 2**64},
        {"memory": -1},
        {"cached": ("zz",)},
        {"apps": ("0x12",)},
        {"requesters": ("\0",)},
    ],
    ids=str,
)
async def test_capabilities_that_no_machine_has_are_refused_before_the_claim(
    session: Session, wrong: dict[str, Any]
) -> None:
    call = session.call("/jobs/next", NextJob(wait=0, capabilities=WorkerCapabilities(**wrong)))
    with pytest.raises(InputRefused, match="capabilities"):
        await session.service.next_jobs(call)


async def test_the_last_calls_of_a_flood_of_workers_take_bounded_memory(
    book: TaskBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can join an open pool with many keys."""
    monkeypatch.setattr(service, "MAX_CALLS", 3)
    keys = [SigningKey.generate() for _ in range(5)]
    everybody = msgspec.structs.replace(WORKERS, allowed={key.address for key in keys})
    pool = TaskService(book, ChainClock(), everybody, SigningKey.generate(), clock=Clock())
    for key in keys:
        await Session(pool, key).next(slots=0)
    assert pool.view().workers == 3

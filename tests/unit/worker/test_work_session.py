"""A session asks for jobs for its free slots in one call, keeps its limits, and lets jobs end when it is drained."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest

from sealgrid.chain.network_identity import NetworkIdentity
from sealgrid.errors import InputRefused, NotFound, ServiceUnavailable
from sealgrid.units import Digest, TaskId, to_digest
from sealgrid.wire.pool import CommitReply, JobAssignment, JobReply, NextJob, PublicJob
from sealgrid.worker.config import WorkerConfig
from sealgrid.worker.limits import MachineUse, WorkLimits
from sealgrid.worker.public_job import PublicJobRun, save_commitment, stored_commitments
from sealgrid.worker.relay_folders import make_relay_folder
from sealgrid.worker.runner import WorkSession
from sealgrid.worker.work_record import read_status
from tests.unit.worker.enclave_platform import Platform
from tests.unit.worker.job_scene import ACCOUNT, DIGEST, JOB, Pool, Source, context


def job(number: int) -> JobAssignment:
    return msgspec.structs.replace(JOB, task=TaskId(to_digest(bytes([number]) * 32)))


class Dispatcher(Pool):
    """A pool that gives out prepared answers, and then nothing."""

    def __init__(self, *answers: list[JobAssignment]) -> None:
        super().__init__()
        self.answers, self.slots = list(answers), list[int]()
        self.asked = asyncio.Event()

    async def exchange(self, message: NextJob) -> JobReply:
        self.slots.append(message.slots)
        if not self.answers:
            self.asked.set()
            await asyncio.Event().wait()
        return JobReply(jobs=tuple(self.answers.pop(0)))


class SlowSource(Source):
    """A store without the bundle that answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.released = asyncio.Event()

    async def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        await self.released.wait()
        raise NotFound("no such file.")
        yield b""


class Scene:
    def __init__(self, folder: Path, pool: Dispatcher, limits: WorkLimits, **options: Any) -> None:
        self.source, self.events = SlowSource(), list[tuple[TaskId, str]]()
        platform: Any = options.pop("platform", None)
        identity: Any = NetworkIdentity
        config = WorkerConfig(folder, folder / "key", identity, ACCOUNT, "", "", "")
        self.session = WorkSession(
            replace(
                context(folder, self.source, pool),
                config=config,
                platform=platform,
                require_delegation=options.pop("delegation", None),
            ),
            pool,  # type: ignore[arg-type]
            limits,
            on_job=lambda task, event: self.events.append((task, event)),
            **options,
        )


@asynccontextmanager
async def running(scene: Scene, ready: Callable[[], None] = lambda: None) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(scene.session.run(ready))
    try:
        async with asyncio.timeout(20):
            yield task
    finally:
        task.cancel()


async def test_one_call_asks_for_jobs_for_all_free_slots(tmp_path: Path):
    pool = Dispatcher([job(1), job(2)])
    scene = Scene(tmp_path, pool, WorkLimits(jobs=6))
    async with running(scene):
        await pool.asked.wait()
        assert pool.slots == [6, 4]
        assert [event for _, event in scene.events] == ["started", "started"]


async def test_a_drained_session_asks_for_nothing_and_ends_with_its_jobs(tmp_path: Path):
    pool = Dispatcher([job(1)])
    scene = Scene(tmp_path, pool, WorkLimits(jobs=2))
    async with running(scene) as task:
        await pool.asked.wait()
        scene.session.drain()
        done, _ = await asyncio.wait({task}, timeout=0.05)
        assert not done
        scene.source.released.set()
        await task
    assert scene.events[-1] == (job(1).task, "failed: no such file.")
    assert pool.slots == [2, 1]


async def test_the_number_of_jobs_is_bounded_whatever_the_slots(tmp_path: Path):
    pool = Dispatcher([job(1)], [job(2)], [job(3)])
    scene = Scene(tmp_path, pool, WorkLimits(jobs=4, max_jobs=2))
    scene.source.released.set()
    async with running(scene) as task:
        await task
    assert [each for each, event in scene.events if event == "started"] == [job(1).task, job(2).task]
    assert pool.slots == [2, 1]


async def test_an_assignment_that_the_pool_repeats_is_run_once(tmp_path: Path):
    pool = Dispatcher([job(1)], [job(1)], [job(1), job(2)])
    scene = Scene(tmp_path, pool, WorkLimits(jobs=3))
    async with running(scene):
        await pool.asked.wait()
    assert [each for each, _ in scene.events] == [job(1).task, job(2).task]


async def test_a_session_without_a_job_for_its_idle_time_ends(tmp_path: Path):
    scene = Scene(tmp_path, Dispatcher(), WorkLimits(idle_exit=0.0))
    async with running(scene) as task:
        await task


async def test_a_machine_in_use_asks_for_no_job(tmp_path: Path):
    pool, looked = Dispatcher([job(1)]), asyncio.Event()

    def use() -> MachineUse:
        looked.set()
        return MachineUse(load=0.0, users=1)

    scene = Scene(tmp_path, pool, WorkLimits(when_idle=True), use=use)
    async with running(scene) as task:
        await looked.wait()
        scene.session.drain()
        await task
    assert pool.slots == []


async def test_a_worker_asks_for_no_job_while_its_account_lets_it_do_nothing_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    pool, looked = Dispatcher([job(1)]), asyncio.Event()

    async def refuse() -> None:
        looked.set()
        raise InputRefused("account 0x1 lets worker 0x2 do nothing.")

    scene = Scene(tmp_path, pool, WorkLimits(), delegation=refuse)
    async with running(scene) as task:
        await looked.wait()
        scene.session.drain()
        await task
    assert pool.slots == []
    assert "takes no jobs: account 0x1 lets worker 0x2 do nothing." in caplog.text


async def test_a_chain_that_is_silent_says_nothing_about_a_delegation(tmp_path: Path):
    async def fail() -> None:
        raise ServiceUnavailable("the node does not answer.")

    pool = Dispatcher()
    async with running(Scene(tmp_path, pool, WorkLimits(), delegation=fail)):
        await pool.asked.wait()


async def test_a_freed_slot_is_offered_again_and_the_record_counts_the_loss(tmp_path: Path):
    pool = Dispatcher([job(1)])
    scene = Scene(tmp_path, pool, WorkLimits())
    scene.source.released.set()
    async with running(scene):
        await pool.asked.wait()
    status = read_status(tmp_path)
    assert status is not None
    assert (status.lost, status.done, status.running) == (1, 0, ())
    assert status.last_contact is not None


async def started(platform: Platform, count: int) -> list[str]:
    """Return the enclaves as soon as ``count`` of them wait for a task."""
    while len(platform.prepared) < count:
        await asyncio.sleep(0.01)
    return list(platform.prepared)


async def test_each_free_slot_has_an_enclave_that_ends_with_a_drained_session(tmp_path: Path):
    platform, pool = Platform(), Dispatcher()
    scene = Scene(tmp_path, pool, WorkLimits(jobs=3), platform=platform)
    async with running(scene) as task:
        enclaves = await started(platform, 3)
        scene.session.drain()
        await task
    assert sorted(platform.stopped) == enclaves
    await platform.close()


async def test_a_cancelled_session_stops_the_enclaves_of_busy_and_of_free_slots(tmp_path: Path):
    platform, pool = Platform(), Dispatcher([], [job(1)])
    scene = Scene(tmp_path, pool, WorkLimits(jobs=2), platform=platform)
    async with running(scene) as task:
        await pool.asked.wait()
        enclaves = await started(platform, 2)
        task.cancel()
        await asyncio.wait({task})
    assert sorted(platform.stopped) == enclaves
    await platform.close()


async def test_a_freed_slot_gets_an_enclave_that_lays_out_the_app_of_the_last_job(tmp_path: Path):
    platform, pool = Platform(), Dispatcher([job(1)])
    scene = Scene(tmp_path, pool, WorkLimits(), platform=platform)
    scene.source.released.set()
    async with running(scene) as task:
        *_, last = await started(platform, 2)
        assert platform.prepared[last] == JOB.app_digest
        scene.session.drain()
        await task
    await platform.close()


async def test_no_enclave_waits_on_a_machine_that_takes_no_job_now(tmp_path: Path):
    platform, pool, people = Platform(), Dispatcher(), [0]

    async def no_job(message: NextJob) -> JobReply:
        await started(platform, 1)
        people[0] = 1
        return JobReply(jobs=())

    pool.exchange = no_job  # type: ignore[method-assign]
    limits = WorkLimits(when_idle=True)
    scene = Scene(tmp_path, pool, limits, platform=platform, use=lambda: MachineUse(load=0.0, users=people[0]))
    async with running(scene) as task:
        while not platform.stopped:
            await asyncio.sleep(0.01)
        assert not task.done()
        scene.session.drain()
        await task
    assert platform.stopped == list(platform.prepared)
    await platform.close()


class CommittingPool(Dispatcher):
    """A pool that takes every commitment, and ends its task."""

    def __init__(self, *answers: list[JobAssignment]) -> None:
        super().__init__(*answers)
        self.commitments: list[tuple[TaskId, int]] = []

    async def commit(
        self, task: TaskId, fence: int, result_hash: Digest, result_seal: Digest, *, wait: float
    ) -> CommitReply:
        self.commitments.append((task, fence))
        return CommitReply(step="end")


async def test_a_commitment_of_a_failed_job_is_followed_and_then_one_of_a_later_assignment(tmp_path: Path):
    public = PublicJob(params="{}", bot_first=0, bot_size=1, stake=0, final_deadline=2**41)
    first = msgspec.structs.replace(job(1), public=public)
    pool = CommittingPool([first], [msgspec.structs.replace(first, fence=2)])
    scene = Scene(tmp_path, pool, WorkLimits(jobs=1))

    async def fails_after_its_commitment(self: PublicJobRun) -> None:
        save_commitment(tmp_path, self.job, DIGEST)
        raise ServiceUnavailable("the pool's answer was lost.")

    with mock.patch.object(PublicJobRun, "run", fails_after_its_commitment):
        async with running(scene):
            await pool.asked.wait()
            while list(stored_commitments(tmp_path)) or scene.session._followed:  # it forgets what has ended
                await asyncio.sleep(0.001)
    assert pool.commitments == [(first.task, 1), (first.task, 2)]


class SilentPool(Dispatcher):
    """A pool that does not answer its first request for jobs."""

    async def exchange(self, message: NextJob) -> JobReply:
        if not self.slots:
            self.slots.append(message.slots)
            raise ServiceUnavailable("the pool does not answer.")
        return await super().exchange(message)

    async def synchronise(self) -> None:
        raise ServiceUnavailable("the pool does not answer.")


async def test_since_when_the_pool_is_silent_is_recorded_until_it_answers(tmp_path: Path):
    pool, recorded = SilentPool([]), list[bool]()
    scene = Scene(tmp_path, pool, WorkLimits())
    async with running(scene):
        while not recorded or recorded[-1]:
            await asyncio.sleep(0.01)
            if scene.session.status.silent_since is not None or recorded:
                recorded.append(scene.session.status.silent_since is not None)
    assert recorded[0]
    assert not recorded[-1]


async def test_a_session_removes_the_temporary_folders_of_a_killed_process_and_its_own(tmp_path: Path):
    left, pool = make_relay_folder(tmp_path), Dispatcher()
    scene = Scene(tmp_path, pool, WorkLimits())
    async with running(scene) as task:
        await pool.asked.wait()
        assert not left.exists()
        own = make_relay_folder(tmp_path)
        scene.session.drain()
        await task
    assert not own.parent.exists()

"""A worker starts enclaves before their tasks; each is handed out once, and a job runs without one too."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sealgrid.errors import HostFailed
from sealgrid.units import Digest, to_digest
from sealgrid.worker import warm_enclaves
from sealgrid.worker.config import WorkerConfig
from sealgrid.worker.enclave_files import BUNDLE
from sealgrid.worker.job import JobRun
from sealgrid.worker.job_context import JobContext
from sealgrid.worker.warm_enclaves import ExpectedApp, WarmEnclaves
from tests.unit.worker.enclave_platform import Platform
from tests.unit.worker.job_scene import ACCOUNT, BUNDLE_BYTES, JOB, Pool, Source, context

OTHER = to_digest(b"\x0e" * 32)


class Chain:
    """A chain without the match of any deal."""

    async def find_match(self, job: object) -> None:
        return None


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    platform = Platform()
    yield platform
    await platform.close()


@pytest.fixture
def worker(platform: Platform, tmp_path: Path) -> JobContext:
    class Network:
        chain, hub, broker, vaults, threshold = 1, ACCOUNT, ACCOUNT, (ACCOUNT,), 1

    network: Any = Network()
    config = WorkerConfig(tmp_path, tmp_path / "key", network, ACCOUNT, "", "", "")
    scene = context(tmp_path, Source(), Pool())
    return replace(scene, config=config, platform=platform, chain=Chain())  # type: ignore[arg-type]


def app(digest: Digest) -> ExpectedApp:
    return ExpectedApp(digest, JOB.bundle)


async def outcome(job: JobRun) -> str:
    with pytest.raises(HostFailed) as failed:
        await asyncio.wait_for(job.run(), 20)
    return failed.value.reason


async def test_a_job_gets_the_enclave_that_laid_out_its_app(worker, platform):
    warm = WarmEnclaves(worker)
    for expected in (None, app(OTHER), app(JOB.app_digest)):
        warm.start(expected)
    enclave = await warm.take(JOB.app_digest)
    reason = await outcome(JobRun(JOB, worker, enclave))
    (used,) = platform.assigned
    assert reason == f"{used} ended."
    assert platform.prepared[used] == JOB.app_digest
    assert platform.stopped == [used]
    first, second = await warm.take(JOB.app_digest), await warm.take(JOB.app_digest)
    assert first is not None
    assert second is not None
    assert first is not second
    assert await warm.take(JOB.app_digest) is None
    for each in (first, second):
        await each.connection.close()


async def test_what_a_waiting_enclave_read_is_in_the_exposure_log_of_its_job(worker, platform):
    warm = WarmEnclaves(worker)
    warm.start(app(JOB.app_digest))
    enclave = await warm.take(JOB.app_digest)
    assert await platform.relays["enclave-1"].call("read", path=BUNDLE, length=100) == BUNDLE_BYTES
    job = JobRun(JOB, worker, enclave)
    await outcome(job)
    assert [each.what.partition(",")[0] for each in job.exposures.entries] == ["file bundle"]


async def test_a_job_whose_waiting_enclave_gets_no_task_is_launched_in_another_one(worker, platform):
    warm = WarmEnclaves(worker)
    warm.start(None)
    enclave = await warm.take(JOB.app_digest)
    platform.assigns = False
    assert await outcome(JobRun(JOB, worker, enclave)) == "enclave-2 ended."
    assert platform.stopped == ["enclave-1", "enclave-2"], "the first is stopped before the second is launched"


async def test_an_enclave_that_is_ready_is_taken_before_one_that_starts_with_the_tasks_app(worker, platform):
    warm = WarmEnclaves(worker)
    warm.start(None)
    await warm._starting[0].start
    platform.slow.clear()
    warm.start(app(JOB.app_digest))
    enclave = await warm.take(JOB.app_digest)
    assert list(platform.relays) == ["enclave-1"]
    await enclave.connection.close()
    await warm.close()


async def test_a_task_does_not_wait_for_long_for_an_enclave_that_does_not_start(worker, platform, monkeypatch):
    monkeypatch.setattr(warm_enclaves, "START_SECONDS", 0.01)
    warm = WarmEnclaves(worker)
    warm.start(None)
    await warm._starting[0].start
    platform.slow.clear()
    warm.start(None)
    first = await warm.take(JOB.app_digest)
    assert await warm.take(JOB.app_digest) is None
    platform.slow.set()
    second = await warm.take(JOB.app_digest)
    assert second is not None, "it is there for the next task"
    for each in (first, second):
        await each.connection.close()


async def test_a_cancelled_task_leaves_the_enclave_that_it_waited_for(worker, platform):
    warm = WarmEnclaves(worker)
    warm.start(None)
    await warm._starting[0].start
    platform.slow.clear()
    warm.start(None)
    first = await warm.take(JOB.app_digest)
    waiting = asyncio.create_task(warm.take(JOB.app_digest))
    await asyncio.wait({waiting}, timeout=0.01)
    waiting.cancel()
    await asyncio.wait({waiting})
    platform.slow.set()
    second = await warm.take(JOB.app_digest)
    assert second is not None
    for each in (first, second):
        await each.connection.close()


async def test_enclaves_are_added_up_to_the_number_of_free_slots(worker, platform):
    warm = WarmEnclaves(worker)
    warm.start(None)
    for count in (2, 3, 1):
        warm.fill(count)
    assert len(warm._starting) == 3
    await warm.close()


async def test_a_job_whose_exposure_log_cannot_be_written_stops_its_enclave(worker, platform):
    (worker.config.folder / "jobs").write_bytes(b"not a folder")
    assert await outcome(JobRun(JOB, worker, None)) == "enclave-1 ended."
    assert platform.stopped == ["enclave-1"]


async def test_an_enclave_that_ended_before_its_task_is_not_handed_out(worker, platform):
    warm = WarmEnclaves(worker)
    warm.start(None)
    enclave = await warm._starting[0].start
    await platform.relays["enclave-1"].close()
    with pytest.raises(HostFailed):
        await enclave.connection.outcome()
    assert await warm.take(JOB.app_digest) is None
    assert platform.stopped == ["enclave-1"]


async def test_a_platform_that_needs_the_app_first_starts_none(worker, platform):
    platform.starts_early = False
    warm = WarmEnclaves(worker)
    warm.start(None)
    assert await warm.take(JOB.app_digest) is None
    assert await outcome(JobRun(JOB, worker, None)) == "enclave-1 ended."


async def test_the_end_of_a_worker_stops_the_enclaves_that_got_no_task(worker, platform):
    warm = WarmEnclaves(worker)
    warm.start(None)
    await warm._starting[0].start
    await warm.close()
    assert platform.stopped == ["enclave-1"]

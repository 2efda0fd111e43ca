"""A worker starts enclaves before their tasks; each is handed out once, and a job runs without one too."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sealgrid.errors import HostFailed, NotFound
from sealgrid.units import Digest, to_digest
from sealgrid.wire.platform import LaunchReply, LaunchRequest, StartReply
from sealgrid.wire.relay import EnclaveFailure, RelayClient
from sealgrid.worker.config import WorkerConfig
from sealgrid.worker.enclave_files import BUNDLE
from sealgrid.worker.job import JobRun
from sealgrid.worker.job_context import JobContext
from sealgrid.worker.warm_enclaves import ExpectedApp, WarmEnclaves
from tests.unit.worker.job_scene import ACCOUNT, BUNDLE_BYTES, JOB, Pool, Source, context

OTHER = to_digest(b"\x0e" * 32)


class Platform:
    """A platform whose enclaves ask for the app to prepare, and fail their task when they get one."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.relays: dict[str, RelayClient] = {}
        self.prepared: dict[str, str] = {}
        self.assigned: list[str] = []
        self.stopped: list[str] = []
        self.starts_early, self.assigns = True, True

    async def start(self, relay: str) -> StartReply:
        if not self.starts_early:
            return StartReply(instance="")
        name = await self._enclave(relay)
        self.prepared[name] = (await self.relays[name].call("prepare")).decode()
        return StartReply(instance=name)

    async def assign(self, instance: str, request: LaunchRequest) -> LaunchReply:
        if not self.assigns:
            raise NotFound("the runtime has changed since this enclave was started.")
        return await self._run(instance)

    async def launch(self, request: LaunchRequest) -> LaunchReply:
        return await self._run(await self._enclave(request.relay))

    async def stop(self, instance: str) -> None:
        self.stopped.append(instance)

    async def _enclave(self, relay: str) -> str:
        name = f"enclave-{next(self.numbers)}"
        self.relays[name] = RelayClient(*await asyncio.open_unix_connection(relay))
        return name

    async def _run(self, name: str) -> LaunchReply:
        self.assigned.append(name)
        failure = msgspec.msgpack.encode(EnclaveFailure(kind="host", reason=f"{name} ended."))
        await self.relays[name].call("fail", body=failure)
        return LaunchReply(instance=name, platform=0, runtime=OTHER)


class Chain:
    """A chain without the match of any deal."""

    async def find_match(self, job: object) -> None:
        return None


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    platform = Platform()
    yield platform
    for relay in platform.relays.values():
        await relay.close()
    await asyncio.sleep(0)  # lets the transports close


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
    await enclave.connection.close()
    assert sorted(platform.stopped) == ["enclave-1", "enclave-2"]


async def test_an_enclave_that_ended_before_its_task_is_not_handed_out(worker, platform):
    warm = WarmEnclaves(worker)
    warm.start(None)
    enclave = await warm._starting[0][1]
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
    await warm._starting[0][1]
    await warm.close()
    assert platform.stopped == ["enclave-1"]

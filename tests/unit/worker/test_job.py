import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sealgrid.crypto.digests import cid_of, sha256
from sealgrid.errors import ServiceUnavailable
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.file_store import VerifyingReader
from sealgrid.units import Address, DealId, Digest, TaskId, to_address, to_digest
from sealgrid.wire.pool import JobAssignment, Stage
from sealgrid.wire.relay import RelayClient
from sealgrid.worker.job import BUNDLE, JobContext, JobRun
from sealgrid.worker.relay import RelayServer
from sealgrid.worker.runner import run_job

BYTES = b"the bundle of an app"
SOMEONE, SOMETHING = to_address(b"\x0a" * 20), to_digest(b"\x0d" * 32)
JOB = JobAssignment(
    deal=DealId(SOMETHING),
    task=TaskId(SOMETHING),
    index=0,
    app=SOMEONE,
    app_digest=SOMETHING,
    bundle=f"/ipfs/{cid_of(to_digest(sha256(BYTES)))}",
    contribution_deadline=2**40,
)


class Broken:
    """Serves an enclave; every operation raises an unexpected exception."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        async def fail(*_: object) -> Any:
            raise self.error

        return fail


class Pool:
    """A pool that keeps what it is told."""

    worker: Address = SOMEONE

    def __init__(self) -> None:
        self.told: list[tuple[Stage, str]] = []

    async def report(self, task: TaskId, stage: Stage, detail: str, *, check: str = "") -> None:
        self.told.append((stage, detail))


class Source(VerifyingReader):
    """A store of one file, or one that breaks."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.asked = error, 0

    async def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        self.asked += 1
        if self.error:
            raise self.error
        yield BYTES


def context(tmp_path: Path, source: Source, pool: Pool) -> JobContext:
    cache = ContentFolder(tmp_path / "cache", total_limit=1 << 20, evict=True)
    unused: Any = None
    return JobContext(
        config=unused,
        pool=pool,
        chain=unused,
        platform=unused,
        storage=unused,
        source=source,
        cache=cache,
        wheels=unused,
        vaults=(),
        fetch_by_cid=unused,
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [OSError(28, "No space: /home/secret"), IndexError("secret"), KeyError("secret")])
async def test_an_enclave_gets_a_reply_for_every_exception(tmp_path: Path, error: Exception) -> None:
    server = RelayServer(Broken(error))
    listening = await asyncio.start_unix_server(server.serve, tmp_path / "relay")
    client = RelayClient(*await asyncio.open_unix_connection(tmp_path / "relay"))
    with pytest.raises(ServiceUnavailable, match=type(error).__name__) as refused:
        async with asyncio.timeout(5):
            await client.call("read", path="bundle", length=10)
    assert "secret" not in str(refused.value)
    await client.close()
    listening.close()


async def test_an_enclave_is_answered_when_its_question_cannot_be_read(tmp_path: Path) -> None:
    server = RelayServer(Broken(OSError()))
    listening = await asyncio.start_unix_server(server.serve, tmp_path / "relay")
    client = RelayClient(*await asyncio.open_unix_connection(tmp_path / "relay"))
    with pytest.raises(ServiceUnavailable, match="Error"):
        async with asyncio.timeout(5):
            await client.call("hello", body=b"no hello")
    await client.close()
    listening.close()


async def test_an_unforeseen_exception_of_one_job_is_reported_by_its_type_and_ends_nothing(tmp_path: Path) -> None:
    pool = Pool()
    await run_job(JOB, context(tmp_path, Source(IndexError("/home/secret")), pool))
    assert pool.told == [("failed", "an unexpected IndexError on this machine")]


async def test_a_bundle_that_the_cache_forgot_is_fetched_again(tmp_path: Path) -> None:
    source = Source()
    shop = context(tmp_path, source, Pool())
    run = JobRun(JOB, shop)
    assert await run.read(BUNDLE, 0, 100) == BYTES
    shop.cache.path(to_digest(sha256(BYTES))).unlink()
    assert await run.read(BUNDLE, 0, 100) == BYTES
    assert source.asked == 2


async def test_a_job_does_not_wait_for_its_pool_which_hears_of_the_stages_in_order(tmp_path: Path) -> None:
    answering = asyncio.Event()

    class SlowPool(Pool):
        async def report(self, task: TaskId, stage: Stage, detail: str, *, check: str = "") -> None:
            self.told.append((stage, detail))
            await answering.wait()

    pool = SlowPool()
    run = JobRun(JOB, context(tmp_path, Source(), pool))
    for stage in ("launched", "attested", "released"):
        run.report(stage)  # type: ignore[arg-type]
    last = run.report("running")
    assert await run.read(BUNDLE, 0, 100) == BYTES
    assert [stage for stage, _ in pool.told] == ["launched"]
    answering.set()
    await last
    assert [stage for stage, _ in pool.told] == ["launched", "attested", "released", "running"]


async def test_files_that_an_enclave_sends_at_once_never_meet(tmp_path: Path) -> None:
    kept: list[bytes] = []

    class Store:
        async def put_file(self, path: Path) -> None:
            kept.append(path.read_bytes())

    run = JobRun(JOB, replace(context(tmp_path, Source(), Pool()), storage=Store()))  # type: ignore[arg-type]
    first, second = await run.begin(), await run.begin()
    await run.append(first, b"one")
    await run.finish(first)
    third = await run.begin()
    await run.append(third, b"three")
    await run.append(second, b"two")
    await run.finish(second)
    await run.finish(third)
    assert kept == [b"one", b"two", b"three"]

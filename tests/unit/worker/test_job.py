"""Files and stages of one job."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from sealgrid.crypto.digests import sha256
from sealgrid.errors import FileTooLarge, NotFound, ReleaseRefused, SealgridError, StoreFull
from sealgrid.units import TaskId, to_digest
from sealgrid.wire.pool import JobAssignment, Stage
from sealgrid.wire.vault import MAX_LIST_BYTES
from sealgrid.worker.enclave_files import BUNDLE
from sealgrid.worker.job import JobRun
from tests.unit.worker.job_scene import BUNDLE_BYTES, JOB, Pool, Source, context


async def test_a_bundle_that_the_cache_forgot_is_fetched_again(tmp_path: Path) -> None:
    source = Source()
    job_context = context(tmp_path, source, Pool())
    run = JobRun(JOB, job_context)
    assert await run.read(BUNDLE, 0, 100) == BUNDLE_BYTES
    job_context.cache.path(to_digest(sha256(BUNDLE_BYTES))).unlink()
    assert await run.read(BUNDLE, 0, 100) == BUNDLE_BYTES
    assert source.reads == 2


async def test_a_cached_file_that_the_disk_altered_is_fetched_again_after_the_job_that_it_failed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source()
    scene = context(tmp_path, source, Pool())
    altered = b"X" + BUNDLE_BYTES[1:]
    await JobRun(JOB, scene).read(BUNDLE, 0, 100)
    scene.cache.path(to_digest(sha256(BUNDLE_BYTES))).write_bytes(altered)
    failed = JobRun(JOB, scene)
    assert await failed.read(BUNDLE, 0, 100) == altered
    await failed.remove_altered_files()
    assert "had changed on the disk" in caplog.text
    caplog.clear()
    for _ in range(2):
        run = JobRun(JOB, scene)
        assert await run.read(BUNDLE, 0, 100) == BUNDLE_BYTES
        await run.remove_altered_files()
    assert (source.reads, caplog.text) == (2, "")


async def test_a_job_does_not_wait_for_its_pool_which_gets_the_stages_in_order(tmp_path: Path) -> None:
    answering = asyncio.Event()

    class SlowPool(Pool):
        async def report(self, task: TaskId, fence: int, stage: Stage, detail: str, *, check: str = "") -> None:
            self.reports.append((stage, detail))
            await answering.wait()

    pool = SlowPool()
    run = JobRun(JOB, context(tmp_path, Source(), pool))
    for stage in ("launched", "attested", "released"):
        run.report(stage)  # type: ignore[arg-type]
    last = run.report("running")
    assert await run.read(BUNDLE, 0, 100) == BUNDLE_BYTES
    assert [stage for stage, _ in pool.reports] == ["launched"]
    answering.set()
    await last
    assert [stage for stage, _ in pool.reports] == ["launched", "attested", "released", "running"]


async def test_files_that_an_enclave_sends_at_once_never_meet(tmp_path: Path) -> None:
    stored: list[bytes] = []

    class Store:
        async def put_file(self, path: Path) -> None:
            stored.append(path.read_bytes())

    run = JobRun(JOB, replace(context(tmp_path, Source(), Pool()), storage=Store()))  # type: ignore[arg-type]
    first, second = await run.begin(), await run.begin()
    await run.append(first, b"one")
    await run.finish(first)
    third = await run.begin()
    await run.append(third, b"three")
    await run.append(second, b"two")
    await run.finish(second)
    await run.finish(third)
    assert stored == [b"one", b"two", b"three"]


class ForgetfulVault:
    """A vault that misses the result at a storage node until it was stored twice."""

    def __init__(self, stored: list[bytes], check: str = "settle.5") -> None:
        self.stored, self.check, self.requests = stored, check, 0

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        self.requests += 1
        if len(self.stored) < 2:
            raise ReleaseRefused(self.check, "the result is not available.")
        return b"verdict"


@pytest.mark.parametrize(("check", "result"), [("settle.5", b"sealed"), ("settle.4", b"sealed"), ("settle.5", b"")])
async def test_a_result_that_vaults_miss_at_a_node_is_stored_again_once(
    tmp_path: Path, check: str, result: bytes
) -> None:
    stored: list[bytes] = []

    class Store:
        async def put_file(self, path: Path) -> None:
            stored.append(path.read_bytes())

    vaults = ForgetfulVault(stored, check), ForgetfulVault(stored, check)
    scene = replace(context(tmp_path, Source(), Pool()), storage=Store(), vaults=vaults)  # type: ignore[arg-type]
    run = JobRun(JOB, scene)
    if result:
        upload = await run.begin()
        await run.append(upload, result)
        await run.finish(upload)
    asked = [run.vault(index, "/settlements", b"settle") for index in (0, 1)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    if check == "settle.5" and result:
        assert answers == [b"verdict", b"verdict"]
        assert (stored, [vault.requests for vault in vaults]) == ([result, result], [2, 2])
    else:
        assert all(isinstance(answer, ReleaseRefused) for answer in answers)
        assert [vault.requests for vault in vaults] == [1, 1]


async def test_where_storing_again_fails_the_refusal_of_the_vault_is_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored: list[bytes] = []

    class FullStore:
        async def put_file(self, path: Path) -> None:
            if stored:
                raise StoreFull("this store is full.")
            stored.append(path.read_bytes())

    scene = replace(context(tmp_path, Source(), Pool()), storage=FullStore(), vaults=(ForgetfulVault(stored),))  # type: ignore[arg-type]
    run = JobRun(JOB, scene)
    await run.finish(await run.begin())
    with pytest.raises(ReleaseRefused) as refused:
        await run.vault(0, "/settlements", b"settle")
    assert refused.value.check == "settle.5"
    assert "cannot be stored again: this store is full." in caplog.text


@pytest.mark.parametrize("error", [FileTooLarge("too large."), NotFound("gone.")])
async def test_vaults_get_a_bulk_list_that_is_too_long_to_refuse_it_by_its_length(
    tmp_path: Path, error: SealgridError
) -> None:
    class Chain:
        async def find_slice(self, job: JobAssignment) -> tuple[str, int]:
            return "bafy", 0

        async def confirmed_block(self) -> int:
            return 7

    async def fetch(cid: str, limit: int) -> bytes:
        raise error

    scene = replace(context(tmp_path, Source(), Pool()), chain=Chain(), fetch_by_cid=fetch)  # type: ignore[arg-type]
    sent = await JobRun(JOB, scene)._bulk_documents()
    assert (sent is not None and len(sent.root) > MAX_LIST_BYTES) == isinstance(error, FileTooLarge)


async def test_while_the_app_waits_for_its_files_the_pool_is_told_how_much_of_them_was_read(tmp_path: Path) -> None:
    pool = Pool()
    run = JobRun(JOB, context(tmp_path, Source(), pool))
    await run.report("released")
    await run.repeat_stage()
    await run.read(BUNDLE, 0, 1 << 20)
    await run.repeat_stage()
    await run.report("running")
    await run.repeat_stage()
    told = "the enclave has read 0.0 MB of 0.0 MB"
    assert pool.reports == [("released", ""), ("released", ""), ("released", told), ("running", ""), ("running", "")]

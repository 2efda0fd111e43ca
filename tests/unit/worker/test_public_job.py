"""A worker keeps a commitment until its task has ended, and contributes and reveals when it is its turn."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from sealgrid.errors import InputRefused, NotFound, ServiceUnavailable
from sealgrid.poco.ids import result_hash, result_seal
from sealgrid.units import DealId, TaskId, to_address, to_digest
from sealgrid.wire.pool import CommitReply, JobAssignment, PublicJob
from sealgrid.worker import public_job
from sealgrid.worker.public_job import (
    CommittedResult,
    PublicJobRun,
    follow_commitment,
    save_commitment,
    stored_commitments,
)
from tests.unit.worker.job_scene import JOB as JOB_IN_ENCLAVE
from tests.unit.worker.job_scene import Pool, Source, context

WORKER, RESULT = to_address(b"\x0a" * 20), to_digest(b"\x07" * 32)
TASK = TaskId(to_digest(b"\x0d" * 32))
JOB = JobAssignment(
    deal=DealId(TASK),
    task=TASK,
    index=0,
    fence=3,
    app=WORKER,
    app_digest=RESULT,
    bundle="/ipfs/b",
    contribution_deadline=2**40,
    public=PublicJob(params="{}", bot_first=0, bot_size=1, stake=300, final_deadline=2**41),
)


class ScriptedPool:
    """A pool that gives one answer after the other, and ends the task; an error is raised."""

    worker = WORKER

    def __init__(self, *answers: CommitReply | Exception) -> None:
        self.answers, self.commitments = list(answers), set[tuple[object, ...]]()

    async def commit(self, *commitment: object, wait: float) -> CommitReply:
        self.commitments.add(commitment)
        answer = self.answers.pop(0) if self.answers else CommitReply(step="end")
        if isinstance(answer, Exception):
            raise answer
        return answer


class RecordingChain:
    """The worker's access to the chain, and its storage: what it did, in order."""

    def __init__(self, *errors: Exception) -> None:
        self.acts: list[str] = []
        self.errors, self.has_it = list(errors), False

    async def has_contributed(self, job: JobAssignment) -> bool:
        return self.has_it

    async def contribute(self, job: JobAssignment, result: str, authorisation: bytes) -> None:
        self.acts.append(f"contribute {authorisation.decode()}")
        self.has_it = True
        if self.errors:
            raise self.errors.pop(0)

    async def reveal(self, job: JobAssignment, result: str) -> bool:
        self.acts.append("reveal")
        return True

    async def put_file(self, path: Path) -> None:
        self.acts.append("upload")


async def follow(
    folder: Path, *answers: CommitReply | Exception, chain: RecordingChain | None = None
) -> tuple[ScriptedPool, list[str]]:
    pool, chain = ScriptedPool(*answers), chain or RecordingChain()
    cache = SimpleNamespace(path=lambda sha256: folder / sha256)
    config = SimpleNamespace(folder=folder)
    access = SimpleNamespace(pool=pool, chain=chain, cache=cache, config=config)
    access.result_store = lambda task, proof: chain
    save_commitment(folder, JOB, RESULT)
    (committed,) = stored_commitments(folder)
    await follow_commitment(committed, access)
    return pool, chain.acts


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public_job, "_PAUSE", 0.0)


async def test_a_worker_commits_to_pocos_hash_and_seal_and_acts_in_its_turn(tmp_path: Path) -> None:
    steps = (
        CommitReply(step="wait"),
        CommitReply(step="contribute", authorisation=b"signed"),
        CommitReply(step="reveal"),
    )
    pool, acts = await follow(tmp_path, *steps)
    assert acts == ["upload", "contribute signed", "reveal"]
    assert pool.commitments == {(TASK, 3, result_hash(TASK, RESULT), result_seal(WORKER, TASK, RESULT))}
    assert list(stored_commitments(tmp_path)) == []


async def test_a_silent_pool_is_asked_again_and_a_refusal_ends_it(tmp_path: Path) -> None:
    pool, acts = await follow(tmp_path, ServiceUnavailable("down"), InputRefused("the lease ended"))
    assert (acts, pool.answers, list(stored_commitments(tmp_path))) == ([], [], [])


TURN = CommitReply(step="contribute", authorisation=b"signed")


@pytest.mark.parametrize("error", [InputRefused("reverted"), NotFound("evicted"), OSError("disk full")])
async def test_whatever_fails_after_the_commitment_is_tried_again(tmp_path: Path, error: Exception) -> None:
    chain = RecordingChain(error)
    _, acts = await follow(tmp_path, TURN, TURN, CommitReply(step="reveal"), chain=chain)
    assert acts == ["upload", "contribute signed", "reveal"], (
        "the chain had the contribution: nothing is uploaded twice"
    )


async def test_an_answer_that_is_no_message_is_asked_for_again(tmp_path: Path) -> None:
    _, acts = await follow(tmp_path, ValueError("not JSON"), TURN)
    assert acts == ["upload", "contribute signed"]


async def test_a_worker_does_not_forget_a_later_assignment_of_the_task(tmp_path: Path) -> None:
    later = msgspec.structs.replace(JOB, fence=4)
    pool = ScriptedPool(InputRefused("assignment 3 has ended"))
    access = SimpleNamespace(pool=pool, config=SimpleNamespace(folder=tmp_path))
    save_commitment(tmp_path, later, RESULT)
    await follow_commitment(CommittedResult(JOB, RESULT), access)
    assert list(stored_commitments(tmp_path)) == [CommittedResult(later, RESULT)]


class StoppedRun(PublicJobRun):
    """A run whose process waits for its first file, with an upload that has begun."""

    async def read(self, name: str, offset: int, length: int) -> bytes:
        await self.begin()
        reading.set()
        await asyncio.Event().wait()
        return b""


reading = asyncio.Event()


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary folder with a path that is short enough for a socket."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


async def test_a_run_that_is_stopped_leaves_no_folder_and_no_upload(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading.clear()
    (tmp_path / "worker").mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    stake = SimpleNamespace(
        free_stake=lambda: asyncio.sleep(0, 300), check_public_job=lambda job, workerpool: asyncio.sleep(0)
    )
    shared = replace(context(tmp_path / "worker", Source(), Pool()), chain=stake)  # type: ignore[arg-type]
    job = msgspec.structs.replace(JOB, bundle=JOB_IN_ENCLAVE.bundle)
    running = asyncio.create_task(StoppedRun(job, shared).run())
    async with asyncio.timeout(60):
        await asyncio.wait({running, reached := asyncio.create_task(reading.wait())}, return_when="FIRST_COMPLETED")
    reached.cancel()
    assert len(list(temporary.glob("*/*/*"))) == 2, "the socket, and the folder of the process"
    running.cancel()
    await asyncio.wait({running})
    assert (list(temporary.glob("*/*")), list((tmp_path / "worker/cache/incoming").iterdir())) == ([], [])


async def test_a_worker_gives_up_a_day_after_the_final_deadline(tmp_path: Path) -> None:
    assert JOB.public is not None
    public = msgspec.structs.replace(JOB.public, final_deadline=int(time.time()) - 90_000)
    save_commitment(tmp_path, msgspec.structs.replace(JOB, public=public), RESULT)
    (committed,) = stored_commitments(tmp_path)
    await follow_commitment(committed, SimpleNamespace(config=SimpleNamespace(folder=tmp_path)))
    assert list(stored_commitments(tmp_path)) == []


def test_a_worker_that_was_killed_finds_its_commitments_and_skips_a_broken_one(tmp_path: Path) -> None:
    save_commitment(tmp_path, JOB, RESULT)
    (tmp_path / "committed" / "half.json").write_text('{"job"')
    assert list(stored_commitments(tmp_path)) == [CommittedResult(JOB, RESULT)]

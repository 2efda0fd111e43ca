"""A worker that was killed reports its running task as failed after a restart."""

from pathlib import Path

import pytest

from sealgrid.errors import ServiceUnavailable
from sealgrid.units import Address, TaskId, to_address, to_digest
from sealgrid.wire.pool import AuthoriseReply, Stage
from sealgrid.worker.task_checkpoint import TaskCheckpoint

TASK = TaskId(to_digest(b"\x0d" * 32))


class Pool:
    worker: Address = to_address(b"\x0a" * 20)

    def __init__(self, error: Exception | None = None) -> None:
        self.reports: list[tuple[TaskId, int, Stage, str]] = []
        self.error = error

    async def report(self, task: TaskId, fence: int, stage: Stage, detail: str, *, check: str = "") -> None:
        if self.error:
            raise self.error
        self.reports.append((task, fence, stage, detail))

    async def authorise(self, task: TaskId, fence: int, enclave: Address) -> AuthoriseReply:
        raise AssertionError("nothing is authorised here")


async def test_a_worker_that_was_killed_gives_its_task_back_once(tmp_path: Path):
    TaskCheckpoint(tmp_path).add(TASK, 3)
    pool = Pool()
    for _ in range(2):
        await TaskCheckpoint(tmp_path).report_interrupted(pool)
    assert pool.reports == [(TASK, 3, "failed", "the worker was started again")]


async def test_a_worker_that_ended_its_job_has_nothing_to_report_interrupted(tmp_path: Path):
    checkpoint = TaskCheckpoint(tmp_path / "new folder")
    checkpoint.add(TASK, 3)
    checkpoint.remove()
    pool = Pool()
    await checkpoint.report_interrupted(pool)
    assert pool.reports == []


@pytest.mark.parametrize("written", ["", "0x12", "half a wo", "0x" + "0d" * 32, "0x" + "0d" * 32 + " "])
async def test_an_interrupted_write_is_ignored(tmp_path: Path, written: str):
    (tmp_path / "running-task").write_text(written)
    pool = Pool()
    await TaskCheckpoint(tmp_path).report_interrupted(pool)
    assert pool.reports == []


async def test_an_unreachable_pool_does_not_prevent_a_worker_from_starting(tmp_path: Path):
    TaskCheckpoint(tmp_path).add(TASK, 3)
    await TaskCheckpoint(tmp_path).report_interrupted(Pool(ServiceUnavailable("the pool does not answer.")))

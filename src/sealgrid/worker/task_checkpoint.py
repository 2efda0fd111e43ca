"""Persists which task is running so a worker killed mid-job can report it as failed after a restart."""

import contextlib
from pathlib import Path

from sealgrid.errors import SealgridError
from sealgrid.units import TaskId, to_digest
from sealgrid.worker.job_context import JobPoolClient


class TaskCheckpoint:
    """A file with id and fence of the running task. A worker runs one job at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "running-task"

    def add(self, task: TaskId, fence: int) -> None:
        """Record the running task and the number of its assignment."""
        self._path.write_text(f"{task} {fence}")

    def remove(self) -> None:
        """Delete the record: the pool was informed how the task ended."""
        self._path.unlink(missing_ok=True)

    async def report_interrupted(self, pool: JobPoolClient) -> None:
        """Report the recorded task as failed, then delete the record.

        If the pool is unreachable, the lease expiry returns the task instead.
        """
        try:
            written, number = self._path.read_text().split(" ")
            task, fence = TaskId(to_digest(written)), int(number)
        except (FileNotFoundError, ValueError):
            return  # no task was running, or the write was interrupted
        with contextlib.suppress(SealgridError):
            await pool.report(task, fence, "failed", "the worker was started again")
        self.remove()

"""The task in a worker's hands, in a file: a worker that was killed gives it back when it starts again."""

import contextlib
from pathlib import Path

from sealgrid.errors import SealgridError
from sealgrid.units import TaskId, to_digest
from sealgrid.worker.job import JobPoolClient


class TaskCheckpoint:
    """The file ``held`` of a worker, which does one job at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "held"

    def take(self, task: TaskId) -> None:
        """Remember the task from now on."""
        self._path.write_text(task)

    def let_go(self) -> None:
        """Forget it: the pool knows how it ended."""
        self._path.unlink(missing_ok=True)

    async def give_back(self, pool: JobPoolClient) -> None:
        """Tell the pool that the task of an earlier life will not be finished here, so that nobody waits for it."""
        try:
            task = TaskId(to_digest(self._path.read_text()))
        except (FileNotFoundError, ValueError):
            return  # nothing was held, or half a word was written
        with contextlib.suppress(SealgridError):  # a pool that is away takes it back when the lease ends
            await pool.report(task, "failed", "the worker was started again")
        self.let_go()

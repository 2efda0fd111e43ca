"""What a worker does now and did today, in a file that its owner's commands read."""

import contextlib
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from sealgrid.errors import DECODE_ERRORS
from sealgrid.storage.atomic_file import atomic_writer
from sealgrid.units import TaskId
from sealgrid.wire.pool import Stage

RECORD: Final = "work.json"  #: name of the file in a worker's folder


class RunningTask(msgspec.Struct, frozen=True):
    """A task that the worker has."""

    task: TaskId
    stage: Stage
    since: float  #: Unix seconds


class WorkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """State of one worker; ``day`` is in UTC."""

    process: int
    slots: int
    started: float  #: Unix seconds
    last_contact: float | None = None  #: with the pool, Unix seconds
    silent_since: float | None = None  #: first of the failed requests for jobs in a row, Unix seconds
    running: tuple[RunningTask, ...] = ()
    day: str = ""
    done: int = 0  #: paid tasks of that day
    lost: int = 0  #: tasks of that day without a result


class WorkRecord:
    """Writes a worker's state whenever it changes; ``clock`` returns Unix seconds.

    A write that fails is left out: a full disk must not end a job.
    """

    def __init__(self, folder: Path, slots: int, clock: Callable[[], float] = time.time) -> None:
        self._path, self._clock = folder / RECORD, clock
        before = read_status(folder)
        counted = (before.day, before.done, before.lost) if before else ("", 0, 0)
        day, done, lost = counted
        self.status = WorkStatus(process=os.getpid(), slots=slots, started=clock(), day=day, done=done, lost=lost)
        self._write()

    def contact(self) -> None:
        """Record that the pool answered."""
        self._write(last_contact=self._clock(), silent_since=None)

    def silence(self) -> None:
        """Record that a request for jobs failed."""
        if self.status.silent_since is None:
            self._write(silent_since=self._clock())

    def stage(self, task: TaskId, stage: Stage) -> None:
        """Record the stage of a task; a repeated one changes nothing."""
        running = {each.task: each for each in self.status.running}
        if task not in running or running[task].stage != stage:
            running[task] = RunningTask(task, stage, self._clock())
            self._write(running=tuple(running.values()))

    def ended(self, task: TaskId, *, done: bool) -> None:
        """Record that a task ended, with or without a paid result."""
        today = datetime.fromtimestamp(self._clock(), UTC).date().isoformat()
        status = self.status if self.status.day == today else msgspec.structs.replace(self.status, done=0, lost=0)
        self._write(
            running=tuple(each for each in status.running if each.task != task),
            day=today,
            done=status.done + done,
            lost=status.lost + (not done),
        )

    def _write(self, **changes: object) -> None:
        self.status = msgspec.structs.replace(self.status, **changes)
        with contextlib.suppress(OSError), atomic_writer(self._path, durable=False) as file:
            file.write(msgspec.json.encode(self.status))


def read_status(folder: Path) -> WorkStatus | None:
    """Return the state that the worker of a folder wrote last; None if there is none."""
    try:
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=WorkStatus)
    except (OSError, *DECODE_ERRORS):
        return None

"""A task as iExec's scheduler tells it, for the clients that ask so (iexec-core's ``/tasks/{id}``)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from sealgrid.units import Address
from sealgrid.wire.message import Message
from sealgrid.wire.pool import PublicTaskStatus, StageAt

#: iExec's words for what a whole task and what its worker's part (its replicate) have come to, by public stage: finer
#: ones would tell everybody how long the app ran.
TASK: Final[dict[str, str]] = {
    "waiting": "INITIALIZED",
    "working": "RUNNING",
    "completed": "COMPLETED",
    "failed": "FAILED",
    "refunded": "FAILED",
}
REPLICATE: Final[dict[str, str]] = {
    "working": "STARTED",
    "completed": "COMPLETED",
    "failed": "FAILED",
    "refunded": "FAILED",
}
NO_LOGS: Final = (
    "Worker and pool never see what an app writes. Download the result: of an app that failed it has the log, app.log."
)


class IexecStatusChange(Message, frozen=True, kw_only=True):
    """One status and when it was reached, as ISO 8601 with milliseconds."""

    status: str
    date: str


class IexecReplicate(Message, frozen=True, kw_only=True, rename="camel"):
    """One worker's part."""

    wallet_address: Address
    current_status: str
    status_update_list: tuple[IexecStatusChange, ...]
    app_exit_code: int | None = None


class IexecTaskView(Message, frozen=True, kw_only=True, rename="camel"):
    """A task and who works on it."""

    chain_task_id: str
    current_status: str
    date_status_list: tuple[IexecStatusChange, ...]
    replicates: tuple[IexecReplicate, ...] = ()


class IexecLog(Message, frozen=True, kw_only=True, rename="camel"):
    """What one worker's app wrote."""

    wallet_address: Address
    stdout: str
    stderr: str


class IexecLogs(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The logs of all workers of a task."""

    compute_logs_list: tuple[IexecLog, ...]


def task_view(status: PublicTaskStatus) -> IexecTaskView:
    """Return a task in iExec's words."""
    steps = _steps(status.history, TASK)
    return IexecTaskView(
        chain_task_id=status.task,
        current_status=steps[-1].status,
        date_status_list=steps,
        replicates=() if status.worker is None else (_replicate(status.worker, status.history),),
    )


def logs_of(status: PublicTaskStatus) -> IexecLogs:
    """Return where a task's logs are: not here."""
    workers = () if status.worker is None else (status.worker,)
    return IexecLogs(
        compute_logs_list=tuple(IexecLog(wallet_address=each, stdout="", stderr=NO_LOGS) for each in workers)
    )


def _replicate(worker: Address, history: tuple[StageAt, ...]) -> IexecReplicate:
    # A task that was lost begins anew with each worker: only what came last is this worker's.
    begun = max((place for place, entry in enumerate(history) if entry.stage == "working"), default=0)
    steps = _steps(history[begun:], REPLICATE)
    current = steps[-1].status if steps else "CREATED"
    return IexecReplicate(wallet_address=worker, current_status=current, status_update_list=steps)


def _steps(history: Iterable[StageAt], words: dict[str, str]) -> tuple[IexecStatusChange, ...]:
    steps: list[IexecStatusChange] = []
    for entry in history:
        status = words.get(entry.stage)
        if status is not None and (not steps or steps[-1].status != status):
            steps.append(IexecStatusChange(status=status, date=_iso(entry.at)))
    return tuple(steps)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

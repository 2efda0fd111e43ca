"""HTTP API of a pool, compatible with iExec's scheduler (tasks, logs) and compass (a workerpool's API URL)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.errors import InputRefused, NotFound
from sealgrid.pool.api import number_parameter
from sealgrid.pool.requester_auth import RequesterAuthenticator
from sealgrid.pool.service import TaskService
from sealgrid.pool.task import AttemptFailure
from sealgrid.units import Address, TaskId
from sealgrid.wire.challenge import read_token
from sealgrid.wire.message import Message
from sealgrid.wire.pool import PublicTaskStatus, StageAt
from sealgrid.wire.server import address_parameter, json_response

HttpRequest = Request[Any, Any, Any]

#: iExec's statuses of a task and of its worker's part (replicate) by public stage. Finer statuses would reveal how
#: long the app ran.
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
    "Worker and pool never see what an app writes. Download the result: it has the log, app.log, if the app failed."
)


class IexecStatusChange(Message, frozen=True, kw_only=True):
    """A status and its time, as ISO 8601 with milliseconds."""

    status: str
    date: str


class IexecReplicate(Message, frozen=True, kw_only=True, rename="camel"):
    """One worker's part."""

    wallet_address: Address
    current_status: str
    status_update_list: tuple[IexecStatusChange, ...]
    app_exit_code: int | None = None


class IexecTaskView(Message, frozen=True, kw_only=True, rename="camel"):
    """A task and its replicates."""

    chain_task_id: str
    current_status: str
    date_status_list: tuple[IexecStatusChange, ...]
    replicates: tuple[IexecReplicate, ...] = ()


class IexecLog(Message, frozen=True, kw_only=True, rename="camel"):
    """The log of one worker."""

    wallet_address: Address
    stdout: str
    stderr: str


class IexecLogs(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The logs of all workers of a task."""

    compute_logs_list: tuple[IexecLog, ...]


def iexec_handlers(
    task_service: TaskService, authenticator: RequesterAuthenticator, chain: int, public_url: str = ""
) -> list[HTTPRouteHandler]:
    """Return the handlers of one pool on one chain; ``public_url`` is the pool's URL behind a proxy."""

    @get("/tasks/{task:str}")
    async def task_of(task: FromPath[str]) -> Response[bytes]:
        return json_response(
            task_view(await task_service.status(TaskId(task)), await task_service.lost_by(TaskId(task)))
        )

    @get("/tasks/logs/challenge")
    async def challenge(request: HttpRequest) -> Response[bytes]:
        if request.query_params.get("chainId") != str(chain):
            raise InputRefused(f"chainId must be {chain}, the chain of this pool.")
        return json_response(authenticator.issue(address_parameter(request.query_params.get("address", ""))))

    @get("/tasks/{task:str}/logs")
    async def logs(task: FromPath[str], request: HttpRequest) -> Response[bytes]:
        token, task_id = read_token(request.headers.get("authorization")), TaskId(task)
        authenticator.verify(token, await task_service.requester(task_id))
        return json_response(logs_of(await task_service.status(task_id), await task_service.failures(task_id)))

    @get("/tasks/{task:str}/stages")
    async def stages(task: FromPath[str], request: HttpRequest) -> Response[bytes]:
        token, task_id = read_token(request.headers.get("authorization")), TaskId(task)
        authenticator.verify(token, await task_service.requester(task_id))
        after, wait = number_parameter(request, "after", int), number_parameter(request, "wait", float)
        return json_response(await task_service.stages(task_id, after=after, wait=wait))

    @get("/{on:int}/workerpools/{workerpool:str}")
    async def compass(on: FromPath[int], workerpool: FromPath[str], request: HttpRequest) -> Response[bytes]:
        if on != chain or address_parameter(workerpool) != task_service.view().workerpool:
            raise NotFound(f"this pool is {task_service.view().workerpool} on chain {chain}; it serves no other.")
        return json_response({"apiUrl": public_url or str(request.base_url).rstrip("/")})

    return [task_of, challenge, logs, stages, compass]


def cross_origin_paths(chain: int) -> tuple[str, ...]:
    """Return the path prefixes that iExec's SDK reads in browsers, from pages of any site."""
    return "/tasks/", f"/{chain}/workerpools/"


def task_view(status: PublicTaskStatus, lost_by: Iterable[tuple[Address, int]] = ()) -> IexecTaskView:
    """Return iExec's view of a task; ``lost_by`` are the workers that ended it without a result, and when."""
    history = status.history
    steps = _steps(history, TASK)
    replicates = [
        IexecReplicate(
            wallet_address=worker,
            current_status="FAILED",
            status_update_list=(IexecStatusChange(status="FAILED", date=_date(at)),),
        )
        for worker, at in lost_by
        if worker != status.worker
    ]
    if status.worker is not None:
        # A lost task starts again with the next worker: only the last attempt is this worker's.
        begun = max((place for place, entry in enumerate(history) if entry.stage == "working"), default=0)
        own = _steps(history[begun:], REPLICATE)
        current = own[-1].status if own else "CREATED"
        replicates.append(IexecReplicate(wallet_address=status.worker, current_status=current, status_update_list=own))
    return IexecTaskView(
        chain_task_id=status.task,
        current_status=steps[-1].status,
        date_status_list=steps,
        replicates=tuple(replicates),
    )


def logs_of(status: PublicTaskStatus, failures: Iterable[AttemptFailure] = ()) -> IexecLogs:
    """Return why attempts ended without a result, and where the log of the present one is: a pool never has it."""
    logs = [IexecLog(wallet_address=each.account, stdout="", stderr=each.reason) for each in failures]
    if status.worker is not None:
        logs.append(IexecLog(wallet_address=status.worker, stdout="", stderr=NO_LOGS))
    return IexecLogs(compute_logs_list=tuple(logs))


def _steps(history: Iterable[StageAt], statuses: dict[str, str]) -> tuple[IexecStatusChange, ...]:
    steps: list[IexecStatusChange] = []
    for entry in history:
        status = statuses.get(entry.stage)
        if status is not None and (not steps or steps[-1].status != status):
            steps.append(IexecStatusChange(status=status, date=_date(entry.at)))
    return tuple(steps)


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

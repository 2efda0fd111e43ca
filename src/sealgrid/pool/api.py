"""HTTP API of a pool for workers and the public (docs/protocol/pool.md)."""

from collections.abc import Callable
from typing import Any, TypeVar

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.errors import InputRefused
from sealgrid.pool.admission import WorkerAdmissions
from sealgrid.pool.service import TaskService
from sealgrid.units import TaskId
from sealgrid.wire.message import parse
from sealgrid.wire.pool import SignedCall
from sealgrid.wire.server import MAX_NUMBER, json_response
from sealgrid.wire.worker_session import SessionCall

HttpRequest = Request[object, object, State]
N = TypeVar("N", int, float)


def handlers(task_service: TaskService) -> list[HTTPRouteHandler]:
    """Return the handlers of one pool."""

    @get("/pool")
    async def view() -> Response[bytes]:
        return json_response(await task_service.view_with_queue())

    @get("/tasks/{task:str}/status")
    async def status(task: FromPath[str], request: HttpRequest) -> Response[bytes]:
        after, wait = number_parameter(request, "after", int), number_parameter(request, "wait", float)
        return json_response(await task_service.wait_for_status(TaskId(task), after=after, wait=wait))

    @post("/jobs/login")
    async def login(request: HttpRequest) -> Response[bytes]:
        return json_response(task_service.login(parse(await request.body(), SignedCall)))

    @post("/jobs/next")
    async def next_job(request: HttpRequest) -> Response[bytes]:
        return json_response(await task_service.next_jobs(await _call(request)))

    @post("/jobs/authorisation")
    async def authorise(request: HttpRequest) -> Response[bytes]:
        return json_response(await task_service.authorise(await _call(request)))

    @post("/jobs/forward")
    async def forward(request: HttpRequest) -> Response[bytes]:
        return json_response(await task_service.forward(await _call(request)))

    @post("/jobs/commitment")
    async def commit(request: HttpRequest) -> Response[bytes]:
        return json_response(await task_service.commit(await _call(request)))

    @post("/jobs/stage")
    async def stage(request: HttpRequest) -> Response[bytes]:
        await task_service.report(await _call(request))
        return json_response({})

    return [view, status, login, next_job, authorise, forward, commit, stage]


def admission_handler(admissions: WorkerAdmissions) -> HTTPRouteHandler:
    """Return the handler by which workers join the pool."""

    @post("/workers")
    async def join(request: HttpRequest) -> Response[bytes]:
        return json_response(await admissions.join(parse(await request.body(), SignedCall)))

    return join


async def _call(request: HttpRequest) -> SessionCall:
    return parse(await request.body(), SessionCall)


def number_parameter(request: Request[Any, Any, Any], name: str, kind: Callable[[str], N]) -> N:
    """Return a numeric query parameter, 0 by default; raise InputRefused unless it is a number of at most 2^53 - 1."""
    try:
        number = kind(request.query_params.get(name, "0"))
    except ValueError as error:
        raise InputRefused(f"{name} must be a number.") from error
    if not -MAX_NUMBER <= number <= MAX_NUMBER:  # false for a float that is not a number, too
        raise InputRefused(f"{name} must be a finite number of at most {MAX_NUMBER}.")
    return number

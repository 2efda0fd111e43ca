"""A pool's paths (docs/protocol/pool.md)."""

from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.pool.service import TaskService
from sealgrid.units import TaskId
from sealgrid.wire.message import encode, parse
from sealgrid.wire.pool import JobReply, SignedCall
from sealgrid.wire.worker_session import SessionCall

Ask = Request[object, object, State]


def handlers(desk: TaskService) -> list[HTTPRouteHandler]:
    """Return the handlers of one pool."""
    return [*_public(desk), *_jobs(desk)]


def _public(desk: TaskService) -> list[HTTPRouteHandler]:
    @get("/pool")
    async def view() -> Response[bytes]:
        return _json(desk.view())

    @get("/tasks/{task:str}/status")
    async def status(task: FromPath[str]) -> Response[bytes]:
        return _json(desk.status(TaskId(task)))

    return [view, status]


def _jobs(desk: TaskService) -> list[HTTPRouteHandler]:
    @post("/jobs/login")
    async def login(request: Ask) -> Response[bytes]:
        return _json(desk.login(parse(await request.body(), SignedCall)))

    @post("/jobs/next")
    async def next_job(request: Ask) -> Response[bytes]:
        return _json(JobReply(job=await desk.next_job(await _call(request))))

    @post("/jobs/authorisation")
    async def authorise(request: Ask) -> Response[bytes]:
        return _json(desk.authorise(await _call(request)))

    @post("/jobs/stage")
    async def stage(request: Ask) -> Response[bytes]:
        desk.report(await _call(request))
        return _json({})

    return [login, next_job, authorise, stage]


async def _call(request: Ask) -> SessionCall:
    return parse(await request.body(), SessionCall)


def _json(message: object) -> Response[bytes]:
    return Response(encode(message), status_code=200, media_type=MediaType.JSON)

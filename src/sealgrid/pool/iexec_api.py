"""A pool's paths as iExec's SDK asks for them: a task, its logs, and where a workerpool's API is (iExec's compass)."""

from collections.abc import Callable
from typing import Any, TypeVar

from litestar import MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.errors import InputRefused, NotFound
from sealgrid.pool.iexec_view import logs_of, task_view
from sealgrid.pool.requester_auth import RequesterAuthenticator
from sealgrid.pool.service import TaskService
from sealgrid.units import Address, TaskId, to_address
from sealgrid.wire.challenge import read_token
from sealgrid.wire.message import encode

Ask = Request[Any, Any, Any]
N = TypeVar("N", int, float)


def iexec_handlers(
    desk: TaskService, readers: RequesterAuthenticator, chain: int, public_url: str = ""
) -> list[HTTPRouteHandler]:
    """Return the handlers of one pool on one chain; ``public_url`` is where clients reach it through a proxy."""
    return [*_tasks(desk, readers, chain), _compass(desk, chain, public_url)]


def pages_read(chain: int) -> tuple[str, ...]:
    """Return what the paths begin with that iExec's SDK reads in a browser, from a page of any site."""
    return "/tasks/", f"/{chain}/workerpools/"


def _tasks(desk: TaskService, readers: RequesterAuthenticator, chain: int) -> list[HTTPRouteHandler]:
    @get("/tasks/{task:str}")
    async def task_of(task: FromPath[str]) -> Response[bytes]:
        return _json(task_view(desk.status(TaskId(task))))

    @get("/tasks/logs/challenge")
    async def challenge(request: Ask) -> Response[bytes]:
        if request.query_params.get("chainId") != str(chain):
            raise InputRefused(f"chainId must be {chain}, the chain of this pool.")
        return _json(readers.challenge(_address(request.query_params.get("address", ""))))

    @get("/tasks/{task:str}/logs")
    async def logs(task: FromPath[str], request: Ask) -> Response[bytes]:
        token, asked = read_token(request.headers.get("authorization")), TaskId(task)
        readers.admit(token, desk.requester(asked))
        return _json(logs_of(desk.status(asked)))

    @get("/tasks/{task:str}/stages")
    async def stages(task: FromPath[str], request: Ask) -> Response[bytes]:
        token, asked = read_token(request.headers.get("authorization")), TaskId(task)
        readers.admit(token, desk.requester(asked))
        after, wait = _number(request, "after", int), _number(request, "wait", float)
        return _json(await desk.stages(asked, after=after, wait=wait))

    return [task_of, challenge, logs, stages]


def _compass(desk: TaskService, chain: int, public_url: str) -> HTTPRouteHandler:
    @get("/{on:int}/workerpools/{workerpool:str}")
    async def compass(on: FromPath[int], workerpool: FromPath[str], request: Ask) -> Response[bytes]:
        if on != chain or _address(workerpool) != desk.view().workerpool:
            raise NotFound(f"this pool is {desk.view().workerpool} on chain {chain}; it knows no other.")
        return _json({"apiUrl": public_url or str(request.base_url).rstrip("/")})

    return compass


def _number(request: Ask, name: str, kind: Callable[[str], N]) -> N:
    try:
        return kind(request.query_params.get(name, "0"))
    except ValueError as error:
        raise InputRefused(f"{name} must be a number.") from error


def _address(text: str) -> Address:
    try:
        return to_address(text)
    except ValueError as error:
        raise InputRefused("give an address: 0x and 40 hex digits.") from error


def _json(message: object) -> Response[bytes]:
    return Response(encode(message), status_code=200, media_type=MediaType.JSON)

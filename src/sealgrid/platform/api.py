"""HTTP API of a platform for the workers of its machine (``sealgrid.wire.platform``)."""

import asyncio
from typing import Protocol

from litestar import Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.wire.message import parse
from sealgrid.wire.platform import LaunchReply, LaunchRequest, RuntimeMeasurement, StartReply, StartRequest
from sealgrid.wire.server import json_response

AnyRequest = Request[object, object, State]


class PlatformService(Protocol):
    """A platform, simulated or not."""

    def measurement(self) -> RuntimeMeasurement:
        """Return the identity of the current runtime."""

    async def launch(self, request: LaunchRequest) -> LaunchReply:
        """Launch one enclave with its app locked."""

    async def start(self, request: StartRequest) -> StartReply:
        """Start one enclave that waits for its task."""

    async def assign(self, name: str, request: LaunchRequest) -> LaunchReply:
        """Give a waiting enclave its task."""

    async def stop(self, name: str) -> None:
        """Stop an enclave."""


def handlers(platform: PlatformService) -> list[HTTPRouteHandler]:
    """Return the handlers of one platform."""

    @get("/measurement")
    async def measurement() -> Response[bytes]:
        return json_response(await asyncio.to_thread(platform.measurement))

    @post("/instances")
    async def launch(request: AnyRequest) -> Response[bytes]:
        return json_response(await platform.launch(parse(await request.body(), LaunchRequest)))

    @post("/waiting-instances")
    async def start(request: AnyRequest) -> Response[bytes]:
        return json_response(await platform.start(parse(await request.body(), StartRequest)))

    @post("/waiting-instances/{instance:str}")
    async def assign(instance: FromPath[str], request: AnyRequest) -> Response[bytes]:
        return json_response(await platform.assign(instance, parse(await request.body(), LaunchRequest)))

    @delete("/instances/{instance:str}", status_code=200)
    async def stop(instance: FromPath[str]) -> Response[bytes]:
        await platform.stop(instance)
        return json_response({})

    return [measurement, launch, start, assign, stop]

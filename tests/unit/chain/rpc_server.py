"""A JSON-RPC node on loopback with fixed results; it records the requests that reach it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.http_server import post_server

Answer = Callable[[str, list[Any]], Any]  #: method, parameters -> result; raises RpcError


class RpcError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class RpcServer:
    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.url = ""
        self.bodies: list[Any] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.bodies.append(body)
        replies = [self._reply(call) for call in (body if isinstance(body, list) else [body])]
        return web.Response(text=json.dumps(replies if isinstance(body, list) else replies[0]))

    def _reply(self, call: Any) -> dict[str, Any]:
        head = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            return head | {"result": self.answer(call["method"], call["params"])}
        except RpcError as error:
            return head | {"error": {"code": error.code, "message": error.message}}


@asynccontextmanager
async def rpc_server(answer: Answer) -> AsyncIterator[RpcServer]:
    server = RpcServer(answer)
    async with post_server(server.handle) as server.url:
        yield server

"""A dishonest node: forwards each request to an honest node and changes the configured answers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from tests.http_server import post_server

Lie = Callable[[str, list[Any], Any], Any]  #: (method, parameters, honest result) -> result


class LyingNode:
    """Its URL, and how it changes an honest answer; honest until configured."""

    def __init__(self, honest: str) -> None:
        self.honest, self.url = honest, ""
        self.lie: Lie = lambda method, parameters, result: result
        self.batches: list[int] = []  #: number of calls in each request

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        calls = body if isinstance(body, list) else [body]
        self.batches.append(len(calls))
        async with aiohttp.ClientSession() as session, session.post(self.honest, json=calls) as response:
            replies = await response.json()
        by_id = {each["id"]: each for each in calls}
        for each in replies:
            call = by_id[each["id"]]
            if "result" in each:
                each["result"] = self.lie(call["method"], call["params"], each["result"])
        return web.json_response(replies if isinstance(body, list) else replies[0])


@asynccontextmanager
async def lying_node(honest: str) -> AsyncIterator[LyingNode]:
    node = LyingNode(honest)
    async with post_server(node.answer) as node.url:
        yield node

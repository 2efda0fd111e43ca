"""A node that lies: it passes every question on to an honest one, and changes the answers that it is told to."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

Lie = Callable[[str, list[Any], Any], Any]  #: method, parameters, honest result -> what is said


class LyingNode:
    """Where it answers, and what it makes of an honest answer; honest until told otherwise."""

    def __init__(self, honest: str) -> None:
        self.honest, self.url = honest, ""
        self.lie: Lie = lambda method, parameters, result: result
        self.batches: list[int] = []  #: how many questions came in each request

    async def answer(self, request: web.Request) -> web.Response:
        asked = await request.json()
        many = asked if isinstance(asked, list) else [asked]
        self.batches.append(len(many))
        async with aiohttp.ClientSession() as session, session.post(self.honest, json=many) as response:
            said = await response.json()
        by_id = {each["id"]: each for each in many}
        for each in said:
            question = by_id[each["id"]]
            if "result" in each:
                each["result"] = self.lie(question["method"], question["params"], each["result"])
        return web.json_response(said if isinstance(asked, list) else said[0])


@asynccontextmanager
async def lying_node(honest: str) -> AsyncIterator[LyingNode]:
    node, app = LyingNode(honest), web.Application()
    app.router.add_post("/", node.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    node.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield node
    finally:
        await runner.cleanup()

"""Live timelines are limited for a client, for a task and in all, and a closed one makes room."""

import asyncio
import gc
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from sealgrid.errors import TooManyRequests
from sealgrid.units import TaskId
from sealgrid.web.pages import task as page
from sealgrid.web.timeline_limits import TimelineLimits
from sealgrid.wire.server import create_app
from sealgrid.wire.service_access import ONE_MACHINE
from tests.unit.wire.serving_on_loopback import FLOOD, HONEST, Raw, serving

TASKS = [f"0x{number:064x}" for number in range(1, 4)]


async def endless(*_: object) -> dict[str, Any]:
    """Tell the story of a task that never ends."""
    return {"task": SimpleNamespace(state="active")}


async def asked(stack: AsyncExitStack, port: int, task: str, address: str) -> tuple[Raw, bytes]:
    raw = await Raw.open(port, f"GET /tasks/{task}/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(), address=address)
    stack.push_async_callback(raw.close)
    return raw, await asyncio.wait_for(raw.reader.readuntil(b"\r\n\r\n"), 20)


@pytest.mark.filterwarnings("ignore:.*deprecated inferred style")
async def test_a_client_and_a_task_have_so_many_and_others_are_served(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(page, "_story", endless)
    monkeypatch.setattr(page, "POLL_SECONDS", 0.05)
    followers = TimelineLimits(per_client=3, per_task=4)
    site: Any = SimpleNamespace(followers=followers, part=lambda *_: "so far")
    app = create_app(page.handlers(site), access=ONE_MACHINE)
    async with serving(ONE_MACHINE, app) as port, AsyncExitStack() as stack:
        mine = [await asked(stack, port, TASKS[0], FLOOD) for _ in range(3)]
        assert all(b" 200 " in head for _, head in mine)
        _, refused = await asked(stack, port, TASKS[1], FLOOD)
        assert b" 429 " in refused
        assert b"retry-after: 10" in refused
        _, other = await asked(stack, port, TASKS[0], HONEST)
        assert b" 200 " in other
        _, full = await asked(stack, port, TASKS[0], HONEST)
        assert b" 429 " in full
        assert b" 200 " in (await asked(stack, port, TASKS[1], HONEST))[1]
        await mine[0][0].close()
        async with asyncio.timeout(20):
            while len(followers) > 4:
                await asyncio.sleep(0.02)
        assert b" 200 " in (await asked(stack, port, TASKS[0], FLOOD))[1]


def test_a_stream_that_was_never_read_keeps_no_place():
    followers = TimelineLimits(per_client=1)
    stream = page._until_it_ends(SimpleNamespace(), SimpleNamespace(), TaskId("0x"), followers.enter("a", TaskId("0x")))
    with pytest.raises(TooManyRequests, match="of one client"):
        followers.enter("a", TaskId("0x1"))
    del stream
    gc.collect()
    assert followers.enter("a", TaskId("0x1"))


def test_there_is_a_limit_for_all_together():
    followers = TimelineLimits(per_client=0, per_task=0)
    places = [followers.enter(f"192.0.2.{number}", TaskId(f"0x{number}")) for number in range(200)]
    with pytest.raises(TooManyRequests, match="in all"):
        followers.enter("192.0.2.201", TaskId("0x"))
    assert len(places) == 200

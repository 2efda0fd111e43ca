"""Live timelines are limited per client, per task and in total; closing one frees its slot."""

import asyncio
import gc
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from sealgrid.errors import TooManyRequests
from sealgrid.units import TaskId
from sealgrid.web.pages import tasks as page
from sealgrid.web.timeline_limits import TimelineLimits
from sealgrid.wire.server import create_app
from sealgrid.wire.service_access import ONE_MACHINE
from tests.unit.wire.serving_on_loopback import FLOOD, HONEST, Raw, serving

TASKS = [f"0x{number:064x}" for number in range(1, 4)]


async def endless_context(*_: object) -> dict[str, Any]:
    """Return the context of a task that never ends."""
    return {"task": SimpleNamespace(state="active")}


async def open_timeline(stack: AsyncExitStack, port: int, task: str, address: str) -> tuple[Raw, bytes]:
    raw = await Raw.open(port, f"GET /tasks/{task}/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(), address=address)
    stack.push_async_callback(raw.close)
    return raw, await asyncio.wait_for(raw.reader.readuntil(b"\r\n\r\n"), 20)


async def test_a_client_and_a_task_have_a_limit_and_others_are_served(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(page, "_task_context", endless_context)
    monkeypatch.setattr(page, "POLL_SECONDS", 0.05)
    limits = TimelineLimits(per_client=3, per_task=4)
    site: Any = SimpleNamespace(timeline_limits=limits, render=lambda *_: "timeline")
    app = create_app(page.handlers(site), access=ONE_MACHINE)
    async with serving(ONE_MACHINE, app) as port, AsyncExitStack() as stack:
        mine = [await open_timeline(stack, port, TASKS[0], FLOOD) for _ in range(3)]
        assert all(b" 200 " in head for _, head in mine)
        _, refused = await open_timeline(stack, port, TASKS[1], FLOOD)
        assert b" 429 " in refused
        assert b"retry-after: 10" in refused
        _, other = await open_timeline(stack, port, TASKS[0], HONEST)
        assert b" 200 " in other
        _, full = await open_timeline(stack, port, TASKS[0], HONEST)
        assert b" 429 " in full
        assert b" 200 " in (await open_timeline(stack, port, TASKS[1], HONEST))[1]
        await mine[0][0].close()
        async with asyncio.timeout(20):
            while len(limits) > 4:
                await asyncio.sleep(0.02)
        assert b" 200 " in (await open_timeline(stack, port, TASKS[0], FLOOD))[1]


def test_a_stream_that_was_never_read_frees_its_slot():
    limits = TimelineLimits(per_client=1)
    stream = page._stream_timeline(
        SimpleNamespace(), SimpleNamespace(), TaskId("0x"), limits.acquire("a", TaskId("0x"))
    )
    with pytest.raises(TooManyRequests, match="of one client"):
        limits.acquire("a", TaskId("0x1"))
    del stream
    gc.collect()
    assert limits.acquire("a", TaskId("0x1"))


def test_there_is_a_total_limit():
    limits = TimelineLimits(per_client=0, per_task=0)
    slots = [limits.acquire(f"192.0.2.{number}", TaskId(f"0x{number}")) for number in range(200)]
    with pytest.raises(TooManyRequests, match="in all"):
        limits.acquire("192.0.2.201", TaskId("0x"))
    assert len(slots) == 200

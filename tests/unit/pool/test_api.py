"""The public HTTP API of a pool: coarse stages in whole seconds, and long polls for them."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest

from sealgrid.chain.blocks import BlockTrail
from sealgrid.pool import events as e
from sealgrid.pool.service import MAX_WAIT
from sealgrid.pool.task_book import TaskBook
from tests.unit.pool.pool_scene import TASK, Clock, reported


async def test_the_public_status_has_coarse_stages_in_whole_seconds(pool: httpx.AsyncClient, book: TaskBook) -> None:
    for at, stage in ((4.25, "launched"), (5.5, "running"), (6.75, "sealed")):
        await book.apply(reported(stage, at, detail="a worker's word"))
    view = (await pool.get(f"/tasks/{TASK}/status")).json()["history"]
    assert view == [
        {"stage": "waiting", "at": 1, "detail": "", "check": ""},
        {"stage": "working", "at": 3, "detail": "", "check": ""},
    ]
    assert "5.5" not in (await pool.get(f"/tasks/{TASK}")).text


async def test_the_public_status_waits_for_a_public_stage_and_answers_at_a_whole_second(
    pool: httpx.AsyncClient, book: TaskBook, clock: Clock
) -> None:
    clock.now = 1000.9
    request = asyncio.create_task(_json_of(pool.get(f"/tasks/{TASK}/status", params={"after": 2, "wait": 20})))
    await asyncio.wait({request}, timeout=0.02)
    await book.apply(reported("running", 5.5))
    await asyncio.wait({request}, timeout=0.25)
    assert not request.done(), "an exact stage is no public one"
    await book.apply_chain_events([e.TaskFinalized(at=6.5, task=TASK)], BlockTrail(()))
    assert [(entry["stage"], entry["at"]) for entry in (await request)["history"]] == [
        ("waiting", 1),
        ("working", 3),
        ("completed", 6),
    ]


async def test_a_wait_for_the_public_status_ends_with_its_time(pool: httpx.AsyncClient, clock: Clock) -> None:
    clock.now = 1000.9
    request = asyncio.create_task(_json_of(pool.get(f"/tasks/{TASK}/status", params={"after": 2, "wait": 1e9})))
    await asyncio.wait({request}, timeout=0.02)
    assert not request.done()
    clock.now += MAX_WAIT
    assert len((await request)["history"]) == 2


@pytest.mark.parametrize("params", [{}, {"after": 1, "wait": 20}, {"after": 2}])
async def test_the_public_status_is_answered_at_once_without_a_reason_to_wait(
    pool: httpx.AsyncClient, params: dict[str, str]
) -> None:
    assert len((await pool.get(f"/tasks/{TASK}/status", params=params)).json()["history"]) == 2


@pytest.mark.parametrize("wait", ["nan", "inf", "soon"])
async def test_a_wait_that_is_no_number_of_seconds_is_refused(pool: httpx.AsyncClient, wait: str) -> None:
    reply = await pool.get(f"/tasks/{TASK}/status", params={"wait": wait})
    assert (reply.status_code, reply.json()["type"]) == (400, "InputRefused")


@pytest.mark.parametrize("after", ["soon", "9" * 400, "9" * 5000, f"-{'9' * 400}", str(2**63)])
async def test_a_number_of_stages_that_no_task_has_is_refused(pool: httpx.AsyncClient, after: str) -> None:
    reply = await pool.get(f"/tasks/{TASK}/status", params={"after": after})
    assert (reply.status_code, reply.json()["type"]) == (400, "InputRefused")


async def _json_of(response: Awaitable[httpx.Response]) -> Any:
    return (await response).json()
